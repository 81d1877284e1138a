package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;

/** 16 lanes, 32 registers; k1 masks the last elements of a row, k2 is for comparisons. */
final class Avx512Emitter extends Emitter {
  private static final int TAIL = 1;
  private static final int HOLDS = 2;
  private static final int UNORDERED = 3;

  Avx512Emitter(Kernel kernel, Registers.Plan plan) {
    super(kernel, true, Width.Z, 32, plan);
  }

  @Override
  void prepareTail() {
    asm.mov(Gpr.R10, Gpr.RCX);
    asm.and(Gpr.R10, lanes - 1);
    asm.mov(Gpr.R11, -1);
    asm.bzhi(Gpr.R11, Gpr.R11, Gpr.R10);
    asm.kmov(TAIL, Gpr.R11);
  }

  private int mask() {
    return inTail ? TAIL : Assembler.UNMASKED;
  }

  @Override
  void loadElements(ElementType type, int to, Memory from) {
    asm.masked(load(type), width, to, 0, from, mask(), inTail);
    if (type == ElementType.BF16) asm.op(Simd.VPSHIFTD_IMMEDIATE, width, 6, to, to, 16);
  }

  private static Simd load(ElementType type) {
    return switch (type) {
      case F32, I32 -> Simd.VMOVUPS;
      case BF16, U16 -> Simd.VPMOVZXWD;
      case F16 -> Simd.VCVTPH2PS;
      case I16 -> Simd.VPMOVSXWD;
      case I8 -> Simd.VPMOVSXBD;
      case U8 -> Simd.VPMOVZXBD;
    };
  }

  @Override
  void storeElements(ElementType type, Memory to, int from) {
    switch (type) {
      case F32, I32 -> asm.masked(Simd.VMOVUPS_STORE, width, from, 0, to, mask(), false);
      case BF16, I16, U16 -> asm.masked(Simd.VPMOVDW, width, from, 0, to, mask(), false);
      case F16 -> asm.masked(Simd.VCVTPS2PH, width, from, 0, to, 0, mask());
      case I8, U8 -> asm.masked(Simd.VPMOVDB, width, from, 0, to, mask(), false);
    }
  }

  @Override
  void loadRow(ElementType type, int to, Memory from) {
    switch (type) {
      case F32, I32 -> asm.op(Simd.VBROADCASTSS, width, to, 0, from);
      case BF16 -> {
        asm.op(Simd.VPBROADCASTW, width, to, 0, from);
        asm.op(Simd.VPSHIFTD_IMMEDIATE, width, 6, to, to, 16);
      }
      case F16, I16, U16 -> {
        asm.op(Simd.VPBROADCASTW, width, to, 0, from);
        asm.op(load(type), width, to, 0, to);
      }
      case I8, U8 -> {
        asm.op(Simd.VPBROADCASTB, width, to, 0, from);
        asm.op(load(type), width, to, 0, to);
      }
    }
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
    compare(predicate, a, b);
    asm.masked(Simd.VBLENDMPS, width, to, otherwise, then, HOLDS, false);
  }

  private void compare(Predicate predicate, int a, int b) {
    switch (predicate) {
      case EQUAL -> asm.compare(Simd.VCMPPS, width, HOLDS, a, b, 0x00, 0);
      case LESS -> asm.compare(Simd.VCMPPS, width, HOLDS, a, b, 0x11, 0);
      case LESS_OR_EQUAL -> asm.compare(Simd.VCMPPS, width, HOLDS, a, b, 0x12, 0);
      case NOT_EQUAL -> asm.compare(Simd.VCMPPS, width, HOLDS, a, b, 0x04, 0);
      case UNORDERED -> asm.compare(Simd.VCMPPS, width, HOLDS, a, b, 0x03, 0);
      case INT_EQUAL -> asm.compare(Simd.VPCMPD, width, HOLDS, a, b, 0, 0);
      case INT_LESS -> asm.compare(Simd.VPCMPD, width, HOLDS, a, b, 1, 0);
    }
  }

  @Override
  void accumulate(Opcode reduction, int accumulator, int value) {
    var op = combination(reduction);
    if (reduction == Opcode.REDUCE_MAX || reduction == Opcode.REDUCE_MIN) {
      // Where either is NaN the CPU takes the second, so NaN stays. Where the value is, it is put
      // in afterwards: what the next value waits for does not include a comparison.
      asm.compare(Simd.VCMPPS, width, HOLDS, value, value, UNORDERED, mask());
      asm.masked(op, width, accumulator, value, accumulator, mask(), false);
      asm.masked(Simd.VMOVUPS, width, accumulator, 0, value, HOLDS, false);
    } else {
      asm.masked(op, width, accumulator, accumulator, value, mask(), false);
    }
  }

  @Override
  void combineLanes(Opcode reduction, int accumulator) {
    int other = registers.take();
    for (int swap : new int[] {0x4E, 0xB1}) {
      asm.op(Simd.VSHUFF32X4, width, other, accumulator, accumulator, swap);
      accumulate(reduction, accumulator, other);
    }
    for (int swap : new int[] {0x4E, 0xB1}) {
      asm.op(Simd.VPERMILPS, width, other, 0, accumulator, swap);
      accumulate(reduction, accumulator, other);
    }
    registers.release(other);
  }
}
