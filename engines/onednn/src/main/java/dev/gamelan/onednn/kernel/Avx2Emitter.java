package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;

/**
 * 8 lanes, 16 registers, of which ymm15 masks the last elements of a row. There are no masks for
 * elements of less than 4 bytes: those go through a buffer on the stack, one by one.
 */
final class Avx2Emitter extends Emitter {
  private static final int TAIL = 15;
  private static final int UNORDERED = 3;

  private final Label masks = new Label();
  private final Label lowWords = new Label();
  private final Label lowBytes = new Label();
  private final Label firstOfEachHalf = new Label();

  Avx2Emitter(Kernel kernel, Registers.Plan plan) {
    super(kernel, false, Width.Y, 15, plan);
  }

  @Override
  void emitTables() {
    asm.bind(masks);
    for (int i = 0; i < 2 * lanes; i++) asm.data(i < lanes ? -1 : 0);
    asm.bind(lowWords);
    for (int half = 0; half < 2; half++) asm.data(0x05040100, 0x0D0C0908, -1, -1);
    asm.bind(lowBytes);
    for (int half = 0; half < 2; half++) asm.data(0x0C080400, -1, -1, -1);
    asm.bind(firstOfEachHalf);
    asm.data(0, 4, 1, 1, 1, 1, 1, 1);
  }

  @Override
  void prepareTail() {
    // The mask with k ones starts k words before the zeros.
    asm.mov(Gpr.R10, Gpr.RCX);
    asm.and(Gpr.R10, lanes - 1);
    asm.neg(Gpr.R10);
    asm.lea(Gpr.R11, Memory.at(masks, 4 * lanes));
    asm.op(Simd.VMOVUPS, width, TAIL, 0, Memory.at(Gpr.R11, Gpr.R10, 2, 0));
  }

  @Override
  void loadElements(ElementType type, int to, Memory from) {
    var source = from;
    if (inTail) {
      if (type.bytes() == 4) {
        asm.op(Simd.VMASKMOVPS, width, to, TAIL, from);
        return;
      }
      moveTail(from, type, true);
      source = frame.buffer();
    }
    widen(type, to, source);
  }

  private void widen(ElementType type, int to, Memory from) {
    switch (type) {
      case F32, I32 -> asm.op(Simd.VMOVUPS, width, to, 0, from);
      case BF16 -> {
        asm.op(Simd.VPMOVZXWD, width, to, 0, from);
        asm.op(Simd.VPSHIFTD_IMMEDIATE, width, 6, to, to, 16);
      }
      case F16 -> asm.op(Simd.VCVTPH2PS, width, to, 0, from);
      case I16 -> asm.op(Simd.VPMOVSXWD, width, to, 0, from);
      case U16 -> asm.op(Simd.VPMOVZXWD, width, to, 0, from);
      case I8 -> asm.op(Simd.VPMOVSXBD, width, to, 0, from);
      case U8 -> asm.op(Simd.VPMOVZXBD, width, to, 0, from);
    }
  }

  @Override
  void storeElements(ElementType type, Memory to, int from) {
    if (inTail) {
      if (type.bytes() == 4) {
        asm.op(Simd.VMASKMOVPS_STORE, width, from, TAIL, to);
        return;
      }
      narrow(type, frame.buffer(), from);
      moveTail(to, type, false);
    } else {
      narrow(type, to, from);
    }
  }

  private void narrow(ElementType type, Memory to, int from) {
    switch (type) {
      case F32, I32 -> asm.op(Simd.VMOVUPS_STORE, width, from, 0, to);
      case F16 -> asm.op(Simd.VCVTPS2PH, width, from, 0, to, 0);
      case BF16, I16, U16 -> {
        int packed = registers.take();
        asm.op(Simd.VPSHUFB, width, packed, from, Memory.at(lowWords, 0));
        asm.op(Simd.VPERMQ, width, packed, 0, packed, 0x08);
        asm.op(Simd.VMOVUPS_STORE, Width.X, packed, 0, to);
        registers.release(packed);
      }
      case I8, U8 -> {
        int packed = registers.take();
        int order = registers.take();
        asm.op(Simd.VPSHUFB, width, packed, from, Memory.at(lowBytes, 0));
        asm.op(Simd.VMOVUPS, width, order, 0, Memory.at(firstOfEachHalf, 0));
        asm.op(Simd.VPERMD, width, packed, order, packed);
        asm.op(Simd.VMOVQ_STORE, Width.X, packed, 0, to);
        registers.release(packed);
        registers.release(order);
      }
    }
  }

  /** Moves the elements from rax to the end of the row to the buffer, or back. */
  private void moveTail(Memory elements, ElementType type, boolean toBuffer) {
    var next = new Label();
    var buffer = frame.buffer();
    var inBuffer = Memory.at(Gpr.RSP, Gpr.R10, type.scale(), buffer.displacement());
    asm.lea(Gpr.R11, elements);
    asm.mov(Gpr.R10, Gpr.RCX);
    asm.sub(Gpr.R10, Gpr.RAX);
    asm.bind(next);
    asm.sub(Gpr.R10, 1);
    var inRow = Memory.at(Gpr.R11, Gpr.R10, type.scale(), 0);
    asm.loadBytes(Gpr.RDX, toBuffer ? inRow : inBuffer, type.bytes());
    asm.storeBytes(toBuffer ? inBuffer : inRow, Gpr.RDX, type.bytes());
    asm.cmp(Gpr.R10, 0);
    asm.jump(Condition.NOT_EQUAL, next);
  }

  @Override
  void loadRow(ElementType type, int to, Memory from) {
    switch (type.bytes()) {
      case 4 -> asm.op(Simd.VBROADCASTSS, width, to, 0, from);
      case 2 -> {
        asm.op(Simd.VPBROADCASTW, width, to, 0, from);
        if (type == ElementType.BF16) {
          asm.op(Simd.VPSHIFTD_IMMEDIATE, width, 6, to, to, 16);
        } else {
          asm.op(widening(type), width, to, 0, to);
        }
      }
      default -> {
        asm.op(Simd.VPBROADCASTB, width, to, 0, from);
        asm.op(widening(type), width, to, 0, to);
      }
    }
  }

  private static Simd widening(ElementType type) {
    return switch (type) {
      case F16 -> Simd.VCVTPH2PS;
      case I16 -> Simd.VPMOVSXWD;
      case U16, BF16 -> Simd.VPMOVZXWD;
      case I8 -> Simd.VPMOVSXBD;
      case U8 -> Simd.VPMOVZXBD;
      case F32, I32 -> Simd.VMOVUPS;
    };
  }

  @Override
  void storeRow(ElementType type, Memory to, int from) {
    if (type.bytes() == 4) {
      asm.op(Simd.VMOVSS_STORE, Width.X, from, 0, to);
      return;
    }
    int source = from;
    if (type == ElementType.F16) {
      source = registers.take();
      asm.op(Simd.VCVTPS2PH, width, from, 0, source, 0);
      registers.release(source);
    }
    asm.op(Simd.VMOVD_STORE, Width.X, source, 0, Gpr.R11);
    asm.storeBytes(to, Gpr.R11, type.bytes());
  }

  @Override
  void select(Predicate predicate, int to, int a, int b, int then, int otherwise) {
    int holds = registers.take();
    switch (predicate) {
      case EQUAL -> asm.op(Simd.VCMPPS, width, holds, a, b, 0x00);
      case LESS -> asm.op(Simd.VCMPPS, width, holds, a, b, 0x11);
      case LESS_OR_EQUAL -> asm.op(Simd.VCMPPS, width, holds, a, b, 0x12);
      case NOT_EQUAL -> asm.op(Simd.VCMPPS, width, holds, a, b, 0x04);
      case UNORDERED -> asm.op(Simd.VCMPPS, width, holds, a, b, UNORDERED);
      case INT_EQUAL -> asm.op(Simd.VPCMPEQD, width, holds, a, b);
      case INT_LESS -> asm.op(Simd.VPCMPGTD, width, holds, b, a);
    }
    asm.blend(width, to, otherwise, then, holds);
    registers.release(holds);
  }

  @Override
  void accumulate(Opcode reduction, int accumulator, int value) {
    boolean keepsNan = reduction == Opcode.REDUCE_MAX || reduction == Opcode.REDUCE_MIN;
    if (!inTail && !keepsNan) {
      asm.op(combination(reduction), width, accumulator, accumulator, value);
      return;
    }
    int combined = registers.take();
    asm.op(combination(reduction), width, combined, accumulator, value);
    if (keepsNan) {
      int nan = registers.take();
      asm.op(Simd.VCMPPS, width, nan, accumulator, accumulator, UNORDERED);
      asm.blend(width, combined, combined, accumulator, nan);
      registers.release(nan);
    }
    if (inTail) asm.blend(width, accumulator, accumulator, combined, TAIL);
    else asm.op(Simd.VMOVUPS, width, accumulator, 0, combined);
    registers.release(combined);
  }

  @Override
  void combineLanes(Opcode reduction, int accumulator) {
    int other = registers.take();
    asm.op(Simd.VPERM2F128, width, other, accumulator, accumulator, 1);
    accumulate(reduction, accumulator, other);
    for (int swap : new int[] {0x4E, 0xB1}) {
      asm.op(Simd.VPERMILPS, width, other, 0, accumulator, swap);
      accumulate(reduction, accumulator, other);
    }
    registers.release(other);
  }
}
