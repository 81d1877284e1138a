package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import dev.gamelan.onednn.code.NativeCode;
import java.util.List;
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

  /** The arguments, in longs; strides from row to row in bytes, those of zeros as of scales. */
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

  public static final int WEIGHT_STRIDE = 8;
  public static final int SCALE_STRIDE = 9;
  public static final int ARGUMENTS = 10;

  /** What code depends on. */
  public record Variant(boolean signed, boolean zeros, int scalesPerBlock) {}

  private static final int BYTES = 64;
  private static final int SHIFT_RIGHT = 2;
  private static final int SCALE_MASK = 1;

  /** Rows that share what is read of x, which is nine times as much as of one row's weights. */
  private static final int MOST_ROWS = 4;

  /** The registers of row 0; those of the other rows follow. */
  private static final int PACKED = 0;

  private static final int SUM = 4;
  private static final int TOTAL = 8;
  private static final int NUMBERS = 12;
  private static final int X_VALUES = 16;
  private static final int X_SUM = 17;
  private static final int SCALE = 18;
  private static final int SWAPPED = 19;
  private static final int TABLE = 30;
  private static final int PATTERN = 31;

  private static final List<Gpr> SAVED = List.of(Gpr.RBX, Gpr.R12, Gpr.R13, Gpr.R14);
  private static final Gpr WEIGHT = Gpr.RDX;
  private static final Gpr WEIGHT_STEP = Gpr.RAX;
  private static final Gpr WEIGHT_STEPS = Gpr.R12;
  private static final Gpr SCALE_STEP = Gpr.R13;
  private static final Gpr SCALE_STEPS = Gpr.R14;

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
      SAVED.forEach(asm::push);
      asm.mov(Gpr.RAX, (1 << variant.scalesPerBlock) - 1);
      asm.kmov(SCALE_MASK, Gpr.RAX);
      asm.load(WEIGHT, argument(WEIGHTS));
      asm.load(Gpr.R8, argument(SCALES));
      if (variant.zeros) asm.load(Gpr.R9, argument(ZEROS));
      asm.load(Gpr.R10, argument(Y));
      asm.load(Gpr.R11, argument(ROWS));
      asm.load(WEIGHT_STEP, argument(WEIGHT_STRIDE));
      asm.lea(WEIGHT_STEPS, Memory.at(WEIGHT_STEP, WEIGHT_STEP, 1, 0));
      asm.load(SCALE_STEP, argument(SCALE_STRIDE));
      asm.lea(SCALE_STEPS, Memory.at(SCALE_STEP, SCALE_STEP, 1, 0));
      asm.op(Simd.VMOVUPS, Width.Z, TABLE, 0, Memory.at(constants, 0));
      asm.op(Simd.VMOVUPS, Width.Z, PATTERN, 0, Memory.at(constants, BYTES));
      rows(MOST_ROWS);
      rows(1);
      SAVED.reversed().forEach(asm::pop);
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

    /** The same place in row 0 to 3. */
    private static Memory row(Gpr base, Gpr step, Gpr steps, int row) {
      return switch (row) {
        case 0 -> Memory.at(base, 0);
        case 1 -> Memory.at(base, step, 0, 0);
        case 2 -> Memory.at(base, step, 1, 0);
        default -> Memory.at(base, steps, 0, 0);
      };
    }

    /** So many rows at once, while so many are left. */
    private void rows(int count) {
      var loop = new Label();
      var end = new Label();
      asm.bind(loop);
      asm.cmp(Gpr.R11, count);
      asm.jump(Condition.LESS, end);
      products(count);
      if (count > 1) {
        // The first row has gone to its end, which is where the second begins.
        asm.add(WEIGHT, WEIGHT_STEPS);
        asm.add(Gpr.R8, SCALE_STEPS);
        if (variant.zeros) asm.add(Gpr.R9, SCALE_STEPS);
      }
      asm.add(Gpr.R10, 4 * count);
      asm.sub(Gpr.R11, count);
      asm.jump(loop);
      asm.bind(end);
    }

    private void products(int rows) {
      var steps = new Label();
      var blocks = new Label();
      asm.load(Gpr.RSI, argument(X));
      asm.load(Gpr.RCX, argument(STEPS));
      for (int r = 0; r < rows; r++) clear(TOTAL + r);
      asm.bind(steps);
      for (int r = 0; r < rows; r++) clear(SUM + r);
      if (variant.zeros) clear(X_SUM);
      asm.load(Gpr.RBX, argument(BLOCKS));
      asm.bind(blocks);
      block(rows);
      asm.sub(Gpr.RBX, 1);
      asm.jump(Condition.NOT_EQUAL, blocks);
      for (int r = 0; r < rows; r++) scale(r);
      asm.add(Gpr.R8, 4 * variant.scalesPerBlock);
      if (variant.zeros) asm.add(Gpr.R9, 4 * variant.scalesPerBlock);
      asm.sub(Gpr.RCX, 1);
      asm.jump(Condition.NOT_EQUAL, steps);
      for (int r = 0; r < rows; r++) {
        addLanes(TOTAL + r);
        asm.op(Simd.VMOVSS_STORE, Width.X, TOTAL + r, 0, Memory.at(Gpr.R10, 4 * r));
      }
    }

    private void clear(int register) {
      asm.op(Simd.VPXORD, Width.Z, register, register, register);
    }

    private void block(int rows) {
      for (int r = 0; r < rows; r++) {
        var packed = row(WEIGHT, WEIGHT_STEP, WEIGHT_STEPS, r);
        asm.op(Simd.VMOVUPS, Width.Z, PACKED + r, 0, packed);
      }
      for (int i = 0; i < 8; i++) {
        asm.op(Simd.VMOVUPS, Width.Z, X_VALUES, 0, Memory.at(Gpr.RSI, BYTES * i));
        for (int r = 0; r < rows; r++) {
          asm.op(Simd.VPERMD, Width.Z, NUMBERS + r, PACKED + r, TABLE);
          asm.op(Simd.VFMADD231PS, Width.Z, SUM + r, NUMBERS + r, X_VALUES);
          if (i < 7) {
            asm.op(Simd.VPSHIFTD_IMMEDIATE, Width.Z, SHIFT_RIGHT, PACKED + r, PACKED + r, 4);
          }
        }
      }
      if (variant.zeros) {
        asm.op(Simd.VADDPS, Width.Z, X_SUM, X_SUM, Memory.at(Gpr.RSI, 4 * BLOCK));
      }
      asm.add(WEIGHT, BYTES);
      asm.add(Gpr.RSI, 4 * X_BLOCK);
    }

    /** Adds a row's sums of a group to its total. */
    private void scale(int row) {
      if (variant.zeros) {
        scales(row(Gpr.R9, SCALE_STEP, SCALE_STEPS, row));
        asm.op(Simd.VFNMADD231PS, Width.Z, SUM + row, SCALE, X_SUM);
      }
      scales(row(Gpr.R8, SCALE_STEP, SCALE_STEPS, row));
      asm.op(Simd.VFMADD231PS, Width.Z, TOTAL + row, SUM + row, SCALE);
    }

    /** The next scales of a row, each in the lanes that it is for. */
    private void scales(Memory memory) {
      if (variant.scalesPerBlock == 1) {
        asm.op(Simd.VBROADCASTSS, Width.Z, SCALE, 0, memory);
      } else {
        asm.masked(Simd.VMOVUPS, Width.Z, SCALE, 0, memory, SCALE_MASK, true);
        asm.op(Simd.VPERMD, Width.Z, SCALE, PATTERN, SCALE);
      }
    }

    private void addLanes(int register) {
      for (int swap : new int[] {0x4E, 0xB1}) {
        asm.op(Simd.VSHUFF32X4, Width.Z, SWAPPED, register, register, swap);
        asm.op(Simd.VADDPS, Width.Z, register, register, SWAPPED);
      }
      for (int swap : new int[] {0x4E, 0xB1}) {
        asm.op(Simd.VPERMILPS, Width.Z, SWAPPED, 0, register, swap);
        asm.op(Simd.VADDPS, Width.Z, register, register, SWAPPED);
      }
    }
  }
}
