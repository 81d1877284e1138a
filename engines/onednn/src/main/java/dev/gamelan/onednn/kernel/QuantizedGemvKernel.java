package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import dev.gamelan.onednn.code.NativeCode;
import java.util.Optional;

/**
 * Rows of 4-bit weights times a vector of f32, scaled by groups; AVX-512. A vector of 64 bytes
 * holds 128 weights, of which lane l has those from 8·l on. A permutation of a table turns the
 * lowest 4 bits of each lane to f32: eight of them, with shifts between, and as many multiply-adds
 * with x in the order in which the weights come out. Nothing is rounded but the sums.
 */
public final class QuantizedGemvKernel {
  /** Weights in a vector. */
  public static final int BLOCK = 128;

  /** Floats of x for a block: each eighth element from 0 on, from 1 on, …, then sums of eight. */
  public static final int X_BLOCK = BLOCK + BLOCK / 8;

  /** The arguments, in longs. */
  public static final int WEIGHTS = 0;

  public static final int SCALES = 1;
  public static final int ZEROS = 2;
  public static final int X = 3;
  public static final int Y = 4;
  public static final int ROWS = 5;

  /** How often scales are read for a row. */
  public static final int STEPS = 6;

  /** Blocks between two readings. */
  public static final int BLOCKS = 7;

  public static final int ARGUMENTS = 8;

  /** What code depends on. */
  public record Variant(boolean signed, boolean zeros, int scalesPerBlock) {}

  private static final int BYTES = 64;
  private static final int SHIFT_RIGHT = 2;
  private static final int SCALE_MASK = 1;

  private static final int PACKED = 0;
  private static final int SHIFTED = 1;
  private static final int NUMBERS = 2;
  private static final int SUM = 3;
  private static final int X_SUM = 4;
  private static final int SCALE = 5;
  private static final int TOTAL = 6;
  private static final int TABLE = 30;
  private static final int PATTERN = 31;

  private final NativeCode code;

  private QuantizedGemvKernel(NativeCode code) {
    this.code = code;
  }

  /** Empty where the system gives no executable memory. */
  public static Optional<QuantizedGemvKernel> of(Variant variant) {
    return NativeCode.place(new Emission(variant).emit()).map(QuantizedGemvKernel::new);
  }

  /** The caller answers for the addresses and sizes at {@code address}. */
  public void run(long address) {
    code.call(address);
  }

  private static final class Emission {
    private final Variant variant;
    private final Assembler asm = new Assembler(true);
    private final Label constants = new Label();

    Emission(Variant variant) {
      this.variant = variant;
    }

    byte[] emit() {
      asm.push(Gpr.RBX);
      asm.load(Gpr.RDX, argument(WEIGHTS));
      asm.load(Gpr.R8, argument(SCALES));
      if (variant.zeros) asm.load(Gpr.R9, argument(ZEROS));
      asm.load(Gpr.R10, argument(Y));
      asm.load(Gpr.R11, argument(ROWS));
      asm.op(Simd.VMOVUPS, Width.Z, TABLE, 0, Memory.at(constants, 0));
      asm.op(Simd.VMOVUPS, Width.Z, PATTERN, 0, Memory.at(constants, BYTES));
      asm.mov(Gpr.RAX, (1 << variant.scalesPerBlock) - 1);
      asm.kmov(SCALE_MASK, Gpr.RAX);
      var rows = new Label();
      asm.bind(rows);
      row();
      asm.sub(Gpr.R11, 1);
      asm.jump(Condition.NOT_EQUAL, rows);
      asm.pop(Gpr.RBX);
      asm.vzeroupper();
      asm.ret();
      asm.align(BYTES);
      asm.bind(constants);
      for (int i = 0; i < 16; i++) {
        asm.data(Float.floatToRawIntBits(variant.signed && i >= 8 ? i - 16 : i));
      }
      for (int lane = 0; lane < 16; lane++) asm.data(lane * variant.scalesPerBlock / 16);
      return asm.finish();
    }

    private static Memory argument(int index) {
      return Memory.at(Gpr.RDI, 8 * index);
    }

    private void row() {
      var steps = new Label();
      var blocks = new Label();
      asm.load(Gpr.RSI, argument(X));
      asm.load(Gpr.RCX, argument(STEPS));
      clear(TOTAL);
      asm.bind(steps);
      clear(SUM);
      if (variant.zeros) clear(X_SUM);
      asm.load(Gpr.RBX, argument(BLOCKS));
      asm.bind(blocks);
      block();
      asm.sub(Gpr.RBX, 1);
      asm.jump(Condition.NOT_EQUAL, blocks);
      if (variant.zeros) {
        scales(Gpr.R9);
        asm.op(Simd.VFNMADD231PS, Width.Z, SUM, SCALE, X_SUM);
      }
      scales(Gpr.R8);
      asm.op(Simd.VFMADD231PS, Width.Z, TOTAL, SUM, SCALE);
      asm.sub(Gpr.RCX, 1);
      asm.jump(Condition.NOT_EQUAL, steps);
      addLanes();
      asm.op(Simd.VMOVSS_STORE, Width.X, TOTAL, 0, Memory.at(Gpr.R10, 0));
      asm.add(Gpr.R10, 4);
    }

    private void clear(int register) {
      asm.op(Simd.VPXORD, Width.Z, register, register, register);
    }

    private void block() {
      asm.op(Simd.VMOVUPS, Width.Z, PACKED, 0, Memory.at(Gpr.RDX, 0));
      for (int i = 0; i < 8; i++) {
        int bits = i == 0 ? PACKED : SHIFTED;
        if (i > 0) asm.op(Simd.VPSHIFTD_IMMEDIATE, Width.Z, SHIFT_RIGHT, SHIFTED, PACKED, 4 * i);
        asm.op(Simd.VPERMD, Width.Z, NUMBERS, bits, TABLE);
        asm.op(Simd.VFMADD231PS, Width.Z, SUM, NUMBERS, Memory.at(Gpr.RSI, BYTES * i));
      }
      if (variant.zeros) {
        asm.op(Simd.VADDPS, Width.Z, X_SUM, X_SUM, Memory.at(Gpr.RSI, 4 * BLOCK));
      }
      asm.add(Gpr.RDX, BYTES);
      asm.add(Gpr.RSI, 4 * X_BLOCK);
    }

    /** The next scales of a row, each in the lanes that it is for. */
    private void scales(Gpr from) {
      var memory = Memory.at(from, 0);
      if (variant.scalesPerBlock == 1) {
        asm.op(Simd.VBROADCASTSS, Width.Z, SCALE, 0, memory);
      } else {
        asm.masked(Simd.VMOVUPS, Width.Z, SCALE, 0, memory, SCALE_MASK, true);
        asm.op(Simd.VPERMD, Width.Z, SCALE, PATTERN, SCALE);
      }
      asm.add(from, 4 * variant.scalesPerBlock);
    }

    private void addLanes() {
      for (int swap : new int[] {0x4E, 0xB1}) {
        asm.op(Simd.VSHUFF32X4, Width.Z, SHIFTED, TOTAL, TOTAL, swap);
        asm.op(Simd.VADDPS, Width.Z, TOTAL, TOTAL, SHIFTED);
      }
      for (int swap : new int[] {0x4E, 0xB1}) {
        asm.op(Simd.VPERMILPS, Width.Z, SHIFTED, 0, TOTAL, swap);
        asm.op(Simd.VADDPS, Width.Z, TOTAL, TOTAL, SHIFTED);
      }
    }
  }
}
