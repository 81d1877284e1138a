package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.code.NativeCode;
import java.util.List;
import java.util.Optional;

/**
 * C = A·B or C + A·B in f32 for any sizes: blocks of rows by two vectors of columns are summed in
 * registers over all of k [1]. A has any strides; the rows of B and C are dense. One call has no
 * set-up, so small products take the time of their multiplications. B may come in panels as wide as
 * a block, one behind the other; the next one is fetched while one is multiplied.
 *
 * <p>[1] Goto, van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008: the inner
 * kernel.
 */
public final class MatmulKernel {
  /** The arguments, in longs; strides are in bytes. */
  public static final int M = 0;

  public static final int N = 1;
  public static final int K = 2;
  public static final int A = 3;
  public static final int A_ROW_STRIDE = 4;
  public static final int A_COLUMN_STRIDE = 5;
  public static final int B = 6;
  public static final int B_ROW_STRIDE = 7;
  public static final int C = 8;
  public static final int C_ROW_STRIDE = 9;

  /** From a block of columns of B to the next one. */
  public static final int B_BLOCK_STRIDE = 10;

  /** From a block of columns of B to what is fetched to the cache while it is multiplied. */
  public static final int AHEAD = 11;

  /** How many bytes further that goes for each column of A and block of rows. */
  public static final int AHEAD_STRIDE = 12;

  /** Whether the product is added to C: not 0. */
  public static final int ADDS = 13;

  public static final int ARGUMENTS = 14;

  private static final Memory COLUMNS_LEFT = Memory.at(Gpr.RSP, 0);
  private static final Memory B_BLOCK = Memory.at(Gpr.RSP, 8);
  private static final Memory C_BLOCK = Memory.at(Gpr.RSP, 16);
  private static final Memory ROWS_LEFT = Memory.at(Gpr.RSP, 24);
  private static final Memory A_ROWS = Memory.at(Gpr.RSP, 32);
  private static final Memory C_ROWS = Memory.at(Gpr.RSP, 40);
  private static final int FRAME = 48;

  private static final Gpr ROW_STRIDE = Gpr.RDX;
  private static final Gpr COLUMN_STRIDE = Gpr.RSI;
  private static final Gpr B_STRIDE = Gpr.RBX;
  private static final Gpr B_ROW = Gpr.R8;
  private static final Gpr FETCHED = Gpr.R9;

  /** Every third row of A; the two after it are one and two strides further. */
  private static final List<Gpr> A_POINTERS = List.of(Gpr.R10, Gpr.R11, Gpr.R12, Gpr.R13);

  private static final List<Gpr> SAVED = List.of(Gpr.RBX, Gpr.R12, Gpr.R13);

  private final NativeCode code;
  private final List<Integer> blockRowCounts;
  private final int blockColumns;

  private MatmulKernel(NativeCode code, Emission emission) {
    this.code = code;
    this.blockRowCounts = emission.blockRows;
    this.blockColumns = Columns.TWO_VECTORS.vectors * emission.lanes;
  }

  /** Empty where the system gives no executable memory. */
  public static Optional<MatmulKernel> of(Isa isa) {
    var emission = new Emission(isa == Isa.AVX512);
    return NativeCode.place(emission.emit()).map(code -> new MatmulKernel(code, emission));
  }

  /** Rows of a whole block. */
  public int blockRows() {
    return blockRowCounts.getFirst();
  }

  /** Into how many blocks so many rows are divided. */
  public long blocks(long rows) {
    long blocks = 0;
    for (int each : blockRowCounts) {
      blocks += rows / each;
      rows %= each;
    }
    return blocks;
  }

  /** Columns of a whole block, and of a panel of B. */
  public int blockColumns() {
    return blockColumns;
  }

  /** The caller answers for the addresses and strides at {@code address}. */
  public void run(long address) {
    code.call(address);
  }

  /** How many columns a block has, and whether they are fewer than its vectors hold. */
  private enum Columns {
    TWO_VECTORS(2),
    ONE_VECTOR(1),
    REST(1);

    private final int vectors;

    Columns(int vectors) {
      this.vectors = vectors;
    }
  }

  private static final class Emission {
    private static final int TAIL_MASK = 1;
    private static final int LINE = 64;

    private final boolean evex;
    private final Assembler asm;
    private final Width width;
    private final int lanes;

    /** How many rows a block has: the most for which there are registers, then what is left. */
    private final List<Integer> blockRows;

    private final int tailRegister;
    private final Label masks = new Label();

    Emission(boolean evex) {
      this.evex = evex;
      this.asm = new Assembler(evex);
      this.width = evex ? Width.Z : Width.Y;
      this.lanes = width.bytes() / 4;
      this.blockRows = evex ? List.of(12, 8, 4, 3, 2, 1) : List.of(5, 3, 1);
      this.tailRegister = evex ? -1 : 15;
    }

    byte[] emit() {
      SAVED.forEach(asm::push);
      asm.sub(Gpr.RSP, FRAME);
      asm.load(ROW_STRIDE, argument(A_ROW_STRIDE));
      asm.load(COLUMN_STRIDE, argument(A_COLUMN_STRIDE));
      asm.load(B_STRIDE, argument(B_ROW_STRIDE));
      copy(COLUMNS_LEFT, argument(N));
      copy(B_BLOCK, argument(B));
      copy(C_BLOCK, argument(C));
      prepareTail();
      for (var columns : Columns.values()) columns(columns);
      asm.add(Gpr.RSP, FRAME);
      SAVED.reversed().forEach(asm::pop);
      asm.vzeroupper();
      asm.ret();
      asm.align(64);
      asm.bind(masks);
      for (int i = 0; i < 2 * lanes; i++) asm.data(i < lanes ? -1 : 0);
      return asm.finish();
    }

    private static Memory argument(int index) {
      return Memory.at(Gpr.RDI, 8 * index);
    }

    private void copy(Memory to, Memory from) {
      asm.load(Gpr.RAX, from);
      asm.store(to, Gpr.RAX);
    }

    private void prepareTail() {
      asm.load(Gpr.R10, argument(N));
      asm.and(Gpr.R10, lanes - 1);
      if (evex) {
        asm.mov(Gpr.R11, -1);
        asm.bzhi(Gpr.R11, Gpr.R11, Gpr.R10);
        asm.kmov(TAIL_MASK, Gpr.R11);
      } else {
        asm.neg(Gpr.R10);
        asm.lea(Gpr.R11, Memory.at(masks, 4 * lanes));
        asm.op(Simd.VMOVUPS, width, tailRegister, 0, Memory.at(Gpr.R11, Gpr.R10, 2, 0));
      }
    }

    /** While so many columns are left: all rows of them. */
    private void columns(Columns columns) {
      int count = columns.vectors * lanes;
      var top = new Label();
      var end = new Label();
      asm.bind(top);
      asm.load(Gpr.RAX, COLUMNS_LEFT);
      asm.cmp(Gpr.RAX, columns == Columns.REST ? 1 : count);
      asm.jump(Condition.LESS, end);
      copy(ROWS_LEFT, argument(M));
      copy(A_ROWS, argument(A));
      copy(C_ROWS, C_BLOCK);
      if (columns == Columns.TWO_VECTORS) {
        asm.load(FETCHED, B_BLOCK);
        asm.add(FETCHED, argument(AHEAD));
      }
      for (int rows : blockRows) rows(columns, rows);
      asm.sub(COLUMNS_LEFT, count);
      asm.load(Gpr.RAX, B_BLOCK);
      if (columns == Columns.TWO_VECTORS) asm.add(Gpr.RAX, argument(B_BLOCK_STRIDE));
      else asm.add(Gpr.RAX, 4 * count);
      asm.store(B_BLOCK, Gpr.RAX);
      asm.load(Gpr.RAX, C_BLOCK);
      asm.add(Gpr.RAX, 4 * count);
      asm.store(C_BLOCK, Gpr.RAX);
      asm.jump(top);
      asm.bind(end);
    }

    private void rows(Columns columns, int rows) {
      var top = new Label();
      var end = new Label();
      asm.bind(top);
      asm.load(Gpr.RAX, ROWS_LEFT);
      asm.cmp(Gpr.RAX, rows);
      asm.jump(Condition.LESS, end);
      block(columns, rows);
      asm.sub(ROWS_LEFT, rows);
      asm.jump(top);
      asm.bind(end);
    }

    private void block(Columns columns, int rows) {
      int sums = rows * columns.vectors;
      for (int i = 0; i < sums; i++) asm.op(Simd.VPXORD, width, i, i, i);
      int pointers = Math.ceilDiv(rows, 3);
      asm.load(A_POINTERS.getFirst(), A_ROWS);
      for (int p = 1; p < pointers; p++) {
        var previous = A_POINTERS.get(p - 1);
        asm.lea(A_POINTERS.get(p), Memory.at(previous, ROW_STRIDE, 1, 0));
        asm.add(A_POINTERS.get(p), ROW_STRIDE);
      }
      asm.load(B_ROW, B_BLOCK);
      asm.load(Gpr.RCX, argument(K));
      var top = new Label();
      var end = new Label();
      asm.cmp(Gpr.RCX, 0);
      asm.jump(Condition.EQUAL, end);
      asm.bind(top);
      multiply(columns, rows, sums);
      if (columns == Columns.TWO_VECTORS) {
        for (int at = 0; at < 2 * width.bytes(); at += LINE) asm.prefetch(Memory.at(FETCHED, at));
        asm.add(FETCHED, argument(AHEAD_STRIDE));
      }
      for (int p = 0; p < pointers; p++) asm.add(A_POINTERS.get(p), COLUMN_STRIDE);
      asm.add(B_ROW, B_STRIDE);
      asm.sub(Gpr.RCX, 1);
      asm.jump(Condition.NOT_EQUAL, top);
      asm.bind(end);
      add(columns, rows);
      store(columns, rows);
    }

    /** One column of A times one row of B. */
    private void multiply(Columns columns, int rows, int sums) {
      for (int v = 0; v < columns.vectors; v++) {
        var from = Memory.at(B_ROW, v * width.bytes());
        if (columns == Columns.REST) loadRest(sums + v, from);
        else asm.op(Simd.VMOVUPS, width, sums + v, 0, from);
      }
      int element = sums + columns.vectors;
      for (int row = 0; row < rows; row++) {
        asm.op(Simd.VBROADCASTSS, width, element, 0, rowOf(row));
        for (int v = 0; v < columns.vectors; v++) {
          asm.op(Simd.VFMADD231PS, width, row * columns.vectors + v, element, sums + v);
        }
      }
    }

    private static Memory rowOf(int row) {
      var pointer = A_POINTERS.get(row / 3);
      return row % 3 == 0 ? Memory.at(pointer, 0) : Memory.at(pointer, ROW_STRIDE, row % 3 - 1, 0);
    }

    private void loadRest(int to, Memory from) {
      if (evex) asm.masked(Simd.VMOVUPS, width, to, 0, from, TAIL_MASK, true);
      else asm.op(Simd.VMASKMOVPS, width, to, tailRegister, from);
    }

    /** Adds what is in C where that is asked for: sums of sums are more precise than long sums. */
    private void add(Columns columns, int rows) {
      var end = new Label();
      asm.load(Gpr.RAX, argument(ADDS));
      asm.cmp(Gpr.RAX, 0);
      asm.jump(Condition.EQUAL, end);
      asm.load(Gpr.RAX, C_ROWS);
      int before = rows * columns.vectors;
      for (int row = 0; row < rows; row++) {
        for (int v = 0; v < columns.vectors; v++) {
          int sum = row * columns.vectors + v;
          var from = Memory.at(Gpr.RAX, v * width.bytes());
          if (columns == Columns.REST) loadRest(before, from);
          else asm.op(Simd.VMOVUPS, width, before, 0, from);
          asm.op(Simd.VADDPS, width, sum, sum, before);
        }
        asm.add(Gpr.RAX, argument(C_ROW_STRIDE));
      }
      asm.bind(end);
    }

    private void store(Columns columns, int rows) {
      asm.load(Gpr.RAX, C_ROWS);
      for (int row = 0; row < rows; row++) {
        for (int v = 0; v < columns.vectors; v++) {
          int sum = row * columns.vectors + v;
          var to = Memory.at(Gpr.RAX, v * width.bytes());
          if (columns != Columns.REST) asm.op(Simd.VMOVUPS_STORE, width, sum, 0, to);
          else if (evex) asm.masked(Simd.VMOVUPS_STORE, width, sum, 0, to, TAIL_MASK, false);
          else asm.op(Simd.VMASKMOVPS_STORE, width, sum, tailRegister, to);
        }
        asm.add(Gpr.RAX, argument(C_ROW_STRIDE));
      }
      asm.store(C_ROWS, Gpr.RAX);
      asm.mov(Gpr.RAX, rows);
      asm.imul(Gpr.RAX, ROW_STRIDE);
      asm.add(A_ROWS, Gpr.RAX);
    }
  }
}
