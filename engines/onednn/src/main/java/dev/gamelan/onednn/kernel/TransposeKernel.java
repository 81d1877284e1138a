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
 * Transposes a matrix of elements of 4 bytes, in tiles of 8 by 8 that change places in registers.
 * Where a side is no multiple of 8 the last tile begins earlier, over what is done already. AVX2
 * has all it takes.
 */
public final class TransposeKernel {
  /** The least that either side may be. */
  public static final int TILE = 8;

  /**
   * The arguments, in longs; strides are in bytes. Row i of the target is column i of the source.
   */
  public static final int SOURCE = 0;

  public static final int SOURCE_STRIDE = 1;
  public static final int TARGET = 2;
  public static final int TARGET_STRIDE = 3;
  public static final int TARGET_ROWS = 4;
  public static final int TARGET_COLUMNS = 5;
  public static final int ARGUMENTS = 6;

  private static final List<Gpr> SAVED = List.of(Gpr.RBX, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  /** Where a row of tiles begins. */
  private static final Gpr SOURCE_ROW = Gpr.R8;

  private static final Gpr TARGET_ROW = Gpr.R9;

  /** A tile's first row, and its fifth. */
  private static final Gpr SOURCE_TILE = Gpr.R10;

  private static final Gpr SOURCE_HALF = Gpr.R14;
  private static final Gpr TARGET_TILE = Gpr.R11;
  private static final Gpr TARGET_HALF = Gpr.R15;

  /** A stride, and three times it. */
  private static final Gpr SOURCE_STEP = Gpr.RSI;

  private static final Gpr SOURCE_STEPS = Gpr.RBX;
  private static final Gpr TARGET_STEP = Gpr.R12;
  private static final Gpr TARGET_STEPS = Gpr.R13;

  private static final Gpr ROWS_LEFT = Gpr.RCX;
  private static final Gpr COLUMNS_LEFT = Gpr.RAX;
  private static final Gpr ADVANCE = Gpr.RDX;

  private final NativeCode code;

  private TransposeKernel(NativeCode code) {
    this.code = code;
  }

  /** Empty where the system gives no executable memory. */
  public static Optional<TransposeKernel> of() {
    return NativeCode.place(emit()).map(TransposeKernel::new);
  }

  /** The caller answers for the addresses and strides at {@code address}, and for both sides. */
  public void run(long address) {
    code.call(address);
  }

  private static byte[] emit() {
    var asm = new Assembler(false);
    SAVED.forEach(asm::push);
    asm.load(SOURCE_ROW, argument(SOURCE));
    asm.load(SOURCE_STEP, argument(SOURCE_STRIDE));
    asm.load(TARGET_ROW, argument(TARGET));
    asm.load(TARGET_STEP, argument(TARGET_STRIDE));
    asm.load(ROWS_LEFT, argument(TARGET_ROWS));
    asm.lea(SOURCE_STEPS, Memory.at(SOURCE_STEP, SOURCE_STEP, 1, 0));
    asm.lea(TARGET_STEPS, Memory.at(TARGET_STEP, TARGET_STEP, 1, 0));
    var rows = new Label();
    var rowsDone = new Label();
    var columns = new Label();
    var columnsDone = new Label();
    asm.bind(rows);
    asm.mov(SOURCE_TILE, SOURCE_ROW);
    asm.mov(TARGET_TILE, TARGET_ROW);
    asm.load(COLUMNS_LEFT, argument(TARGET_COLUMNS));
    asm.bind(columns);
    tile(asm);
    advance(asm, COLUMNS_LEFT, columnsDone);
    asm.lea(TARGET_TILE, Memory.at(TARGET_TILE, ADVANCE, 2, 0));
    asm.imul(ADVANCE, SOURCE_STEP);
    asm.add(SOURCE_TILE, ADVANCE);
    asm.jump(columns);
    asm.bind(columnsDone);
    advance(asm, ROWS_LEFT, rowsDone);
    asm.lea(SOURCE_ROW, Memory.at(SOURCE_ROW, ADVANCE, 2, 0));
    asm.imul(ADVANCE, TARGET_STEP);
    asm.add(TARGET_ROW, ADVANCE);
    asm.jump(rows);
    asm.bind(rowsDone);
    SAVED.reversed().forEach(asm::pop);
    asm.vzeroupper();
    asm.ret();
    return asm.finish();
  }

  private static Memory argument(int index) {
    return Memory.at(Gpr.RDI, 8 * index);
  }

  /** A tile is done: how far the next one is, or that there is none. */
  private static void advance(Assembler asm, Gpr left, Label done) {
    var whole = new Label();
    asm.sub(left, TILE);
    asm.cmp(left, 0);
    asm.jump(Condition.EQUAL, done);
    asm.mov(ADVANCE, TILE);
    asm.cmp(left, TILE);
    asm.jump(Condition.GREATER_OR_EQUAL, whole);
    asm.mov(ADVANCE, left);
    asm.mov(left, TILE);
    asm.bind(whole);
  }

  /** Pairs of rows, pairs of pairs, and halves change places. */
  private static void tile(Assembler asm) {
    asm.lea(SOURCE_HALF, Memory.at(SOURCE_TILE, SOURCE_STEP, 2, 0));
    asm.lea(TARGET_HALF, Memory.at(TARGET_TILE, TARGET_STEP, 2, 0));
    for (int i = 0; i < TILE; i++) {
      var row = Memory.ofFour(i < 4 ? SOURCE_TILE : SOURCE_HALF, SOURCE_STEP, SOURCE_STEPS, i % 4);
      asm.op(Simd.VMOVUPS, Width.Y, i, 0, row);
    }
    for (int i = 0; i < TILE; i += 2) {
      asm.op(Simd.VUNPCKLPS, Width.Y, TILE + i, i, i + 1);
      asm.op(Simd.VUNPCKHPS, Width.Y, TILE + i + 1, i, i + 1);
    }
    for (int i = 0; i < TILE; i++) {
      int first = TILE + i / 4 * 4 + i % 4 / 2;
      asm.op(Simd.VSHUFPS, Width.Y, i, first, first + 2, i % 2 == 0 ? 0x44 : 0xEE);
    }
    for (int i = 0; i < TILE; i++) {
      asm.op(Simd.VPERM2F128, Width.Y, TILE + i, i % 4, i % 4 + 4, i < 4 ? 0x20 : 0x31);
      var row = Memory.ofFour(i < 4 ? TARGET_TILE : TARGET_HALF, TARGET_STEP, TARGET_STEPS, i % 4);
      asm.op(Simd.VMOVUPS_STORE, Width.Y, TILE + i, 0, row);
    }
  }
}
