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
 * Rows of 4-bit weights times a vector, scaled by groups; AVX-512. A vector of 64 bytes holds 128
 * weights, of which lane l has those from 8·l on, the even ones in the low halves of its bytes. x
 * comes in integers of up to three bytes, eight to a scale: products of bytes sum without rounding,
 * and with three bytes x is as near as f32 has it.
 */
public final class QuantizedGemvKernel {
  /** Weights in a vector. */
  public static final int BLOCK = 128;

  /** Elements of x, and weights, in a lane. */
  public static final int LANE = 8;

  private static final int BYTES = 64;

  /** Of an element of x. */
  private static final int MOST_BYTES = 3;

  /** Where x stands in a block: the highest bytes of its even elements, then the lower ones. */
  public static final int EVEN = 0;

  public static final int ODD = MOST_BYTES * BYTES;

  /** From one byte of an element to the next lower one. */
  public static final int LOWER = BYTES;

  /** What is added to a lane's sum: -8 times its integers, where weights are signed. */
  public static final int BIAS = 6 * BYTES;

  /** What a lane's integers are multiples of. */
  public static final int X_SCALE = 7 * BYTES;

  /** The sum of a lane's elements. */
  public static final int X_SUM = 8 * BYTES;

  /** Bytes of x for a block. */
  public static final int X_BLOCK = 9 * BYTES;

  /** The arguments, in longs; strides from row to row in bytes, those of zeros as of scales. */
  public static final int WEIGHTS = 0;

  public static final int SCALES = 1;
  public static final int ZEROS = 2;
  public static final int X = 3;

  /** Y and ROWS change as the kernel goes on. */
  public static final int Y = 4;

  public static final int ROWS = 5;

  /** How often scales are read for a row. */
  public static final int STEPS = 6;

  /** Blocks between two readings. */
  public static final int BLOCKS = 7;

  public static final int WEIGHT_STRIDE = 8;
  public static final int SCALE_STRIDE = 9;
  public static final int ARGUMENTS = 10;

  /**
   * What code depends on.
   *
   * @param bytes how many of x count, the lowest first: 3, or 1 where less precision will do
   */
  public record Variant(
      boolean signed, boolean zeros, int scalesPerBlock, int bytes, boolean vnni) {}

  private static final int SHIFT_RIGHT = 2;
  private static final int SHIFT_LEFT = 6;
  private static final int SCALE_MASK = 1;

  /** (a and b) xor c. */
  private static final int AND_XOR = 0x6A;

  /**
   * Rows that share what is read of x, which is up to nine times as much as of one row's weights.
   */
  public static final int ROWS_AT_ONCE = 8;

  /** Rows that a base and multiples of a stride reach. */
  private static final int REACH = 4;

  /** The register of row 0; those of the other rows follow. */
  private static final int TOTAL = 0;

  /** The vectors of x, in their order. */
  private static final int X_VECTORS = 8;

  /** Of even rows; those of odd rows follow. */
  private static final int LOW_HALVES = 17;

  private static final int HIGH_HALVES = 19;
  private static final int PRODUCTS = 21;

  private static final int X_EVEN = X_VECTORS + EVEN / BYTES;
  private static final int X_ODD = X_VECTORS + ODD / BYTES;
  private static final int X_BIAS = X_VECTORS + BIAS / BYTES;
  private static final int X_SCALES = X_VECTORS + X_SCALE / BYTES;
  private static final int X_SUMS = X_VECTORS + X_SUM / BYTES;
  private static final int SCALE = 23;
  private static final int SWAPPED = 24;
  private static final int PAIRS = 25;
  private static final int ONES = 26;
  private static final int HALF = 27;
  private static final int SIGN = 28;
  private static final int PATTERN = 29;

  private static final List<Gpr> SAVED =
      List.of(Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  private static final Rows WEIGHT_ROWS = new Rows(Gpr.RDX, Gpr.RBP, Gpr.RAX, Gpr.R12);
  private static final Rows SCALE_ROWS = new Rows(Gpr.R8, Gpr.R10, Gpr.R13, Gpr.R14);
  private static final Rows ZERO_ROWS = new Rows(Gpr.R9, Gpr.R11, Gpr.R13, Gpr.R14);
  private static final Gpr AHEAD = Gpr.R15;

  /**
   * Registers that point into eight rows: at the first and the fifth, and one and three strides.
   */
  private record Rows(Gpr first, Gpr fifth, Gpr stride, Gpr strides) {
    Memory of(int row) {
      var base = row < REACH ? first : fifth;
      return switch (row % REACH) {
        case 0 -> Memory.at(base, 0);
        case 1 -> Memory.at(base, stride, 0, 0);
        case 2 -> Memory.at(base, stride, 1, 0);
        default -> Memory.at(base, strides, 0, 0);
      };
    }
  }

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
      asm.load(WEIGHT_ROWS.first, argument(WEIGHTS));
      asm.load(SCALE_ROWS.first, argument(SCALES));
      if (variant.zeros) asm.load(ZERO_ROWS.first, argument(ZEROS));
      strides(WEIGHT_ROWS, WEIGHT_STRIDE);
      strides(SCALE_ROWS, SCALE_STRIDE);
      asm.op(Simd.VBROADCASTSS, Width.Z, HALF, 0, Memory.at(constants, 0));
      asm.op(Simd.VBROADCASTSS, Width.Z, SIGN, 0, Memory.at(constants, 4));
      asm.op(Simd.VBROADCASTSS, Width.Z, ONES, 0, Memory.at(constants, 8));
      asm.op(Simd.VMOVUPS, Width.Z, PATTERN, 0, Memory.at(constants, BYTES));
      rows(ROWS_AT_ONCE);
      rows(1);
      SAVED.reversed().forEach(asm::pop);
      asm.vzeroupper();
      asm.ret();
      asm.align(BYTES);
      asm.bind(constants);
      asm.data(0x0F0F0F0F, 0x08080808, 0x00010001);
      asm.align(BYTES);
      for (int lane = 0; lane < 16; lane++) asm.data(lane * variant.scalesPerBlock / 16);
      return asm.finish();
    }

    private static Memory argument(int index) {
      return Memory.at(Gpr.RDI, 8 * index);
    }

    private void strides(Rows rows, int argument) {
      asm.load(rows.stride, argument(argument));
      asm.lea(rows.strides, Memory.at(rows.stride, rows.stride, 1, 0));
    }

    /** So many rows at once, while so many are left. */
    private void rows(int count) {
      var loop = new Label();
      var end = new Label();
      asm.bind(loop);
      asm.load(Gpr.RCX, argument(ROWS));
      asm.cmp(Gpr.RCX, count);
      asm.jump(Condition.LESS, end);
      asm.sub(Gpr.RCX, count);
      asm.store(argument(ROWS), Gpr.RCX);
      if (count > 1) {
        fifth(WEIGHT_ROWS);
        fifth(SCALE_ROWS);
        if (variant.zeros) fifth(ZERO_ROWS);
      }
      products(count);
      if (count > 1) {
        ninth(WEIGHT_ROWS);
        ninth(SCALE_ROWS);
        if (variant.zeros) ninth(ZERO_ROWS);
      }
      asm.jump(loop);
      asm.bind(end);
    }

    private void fifth(Rows rows) {
      asm.lea(rows.fifth, Memory.at(rows.first, rows.stride, 2, 0));
    }

    /** The fifth row has gone to its end, which is where the sixth begins. */
    private void ninth(Rows rows) {
      asm.lea(rows.first, Memory.at(rows.fifth, rows.strides, 0, 0));
    }

    private void products(int rows) {
      var steps = new Label();
      var blocks = new Label();
      asm.load(Gpr.RSI, argument(X));
      asm.lea(AHEAD, Memory.at(WEIGHT_ROWS.first, WEIGHT_ROWS.stride, 3, 0));
      asm.load(Gpr.RCX, argument(STEPS));
      for (int r = 0; r < rows; r++) clear(TOTAL + r);
      asm.bind(steps);
      asm.load(Gpr.RBX, argument(BLOCKS));
      asm.bind(blocks);
      block(rows);
      asm.sub(Gpr.RBX, 1);
      asm.jump(Condition.NOT_EQUAL, blocks);
      advance(SCALE_ROWS, 4 * variant.scalesPerBlock);
      if (variant.zeros) advance(ZERO_ROWS, 4 * variant.scalesPerBlock);
      asm.sub(Gpr.RCX, 1);
      asm.jump(Condition.NOT_EQUAL, steps);
      asm.load(Gpr.RCX, argument(Y));
      for (int r = 0; r < rows; r++) {
        addLanes(TOTAL + r);
        asm.op(Simd.VMOVSS_STORE, Width.X, TOTAL + r, 0, Memory.at(Gpr.RCX, 4 * r));
      }
      asm.add(Gpr.RCX, 4 * rows);
      asm.store(argument(Y), Gpr.RCX);
    }

    private void advance(Rows rows, int bytes) {
      asm.add(rows.first, bytes);
      asm.add(rows.fifth, bytes);
    }

    private void clear(int register) {
      asm.op(Simd.VPXORD, Width.Z, register, register, register);
    }

    private void block(int rows) {
      for (int i = 0; i < X_BLOCK / BYTES; i++) {
        int vector = X_VECTORS + i;
        if (isUsed(i)) asm.op(Simd.VMOVUPS, Width.Z, vector, 0, Memory.at(Gpr.RSI, BYTES * i));
      }
      for (int r = 0; r < rows; r++) {
        int low = LOW_HALVES + r % 2;
        int high = HIGH_HALVES + r % 2;
        int products = PRODUCTS + r % 2;
        asm.op(Simd.VMOVUPS, Width.Z, low, 0, WEIGHT_ROWS.of(r));
        // Rows end where pages do, and with them what the hardware guesses.
        asm.prefetch(Memory.at(AHEAD, BYTES * r));
        asm.op(Simd.VPSHIFTD_IMMEDIATE, Width.Z, SHIFT_RIGHT, high, low, 4);
        half(low);
        half(high);
        clear(products);
        int first = MOST_BYTES - variant.bytes;
        for (int i = first; i < MOST_BYTES; i++) {
          if (i > first)
            asm.op(Simd.VPSHIFTD_IMMEDIATE, Width.Z, SHIFT_LEFT, products, products, 8);
          multiply(products, low, X_EVEN + i);
          multiply(products, high, X_ODD + i);
        }
        if (variant.signed) asm.op(Simd.VPADDD, Width.Z, products, products, X_BIAS);
        asm.op(Simd.VCVTDQ2PS, Width.Z, products, 0, products);
        asm.op(Simd.VMULPS, Width.Z, products, products, X_SCALES);
        if (variant.zeros) {
          scales(ZERO_ROWS.of(r));
          asm.op(Simd.VFNMADD231PS, Width.Z, products, SCALE, X_SUMS);
        }
        scales(SCALE_ROWS.of(r));
        asm.op(Simd.VFMADD231PS, Width.Z, TOTAL + r, products, SCALE);
      }
      advance(WEIGHT_ROWS, BYTES);
      asm.add(AHEAD, BYTES * rows);
      asm.add(Gpr.RSI, X_BLOCK);
    }

    /** Whether this variant reads the vector of x. */
    private boolean isUsed(int vector) {
      return switch (BYTES * vector) {
        case BIAS -> variant.signed;
        case X_SCALE -> true;
        case X_SUM -> variant.zeros;
        default -> vector % MOST_BYTES >= MOST_BYTES - variant.bytes;
      };
    }

    /** Leaves the low halves of bytes; signed ones become unsigned, 8 more than they are. */
    private void half(int register) {
      if (variant.signed) asm.op(Simd.VPTERNLOGD, Width.Z, register, HALF, SIGN, AND_XOR);
      else asm.op(Simd.VPANDD, Width.Z, register, register, HALF);
    }

    /** Adds the products of unsigned bytes with signed ones, four to a lane; none saturates. */
    private void multiply(int sum, int unsigned, int signed) {
      if (variant.vnni) {
        asm.op(Simd.VPDPBUSD, Width.Z, sum, unsigned, signed);
      } else {
        asm.op(Simd.VPMADDUBSW, Width.Z, PAIRS, unsigned, signed);
        asm.op(Simd.VPMADDWD, Width.Z, PAIRS, PAIRS, ONES);
        asm.op(Simd.VPADDD, Width.Z, sum, sum, PAIRS);
      }
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
