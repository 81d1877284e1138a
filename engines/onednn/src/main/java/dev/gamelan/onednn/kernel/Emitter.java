package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import java.util.List;

/**
 * Emits a kernel's instructions one after another; {@link LoopNest} puts the loops around them.
 * Subclasses know what differs between ISAs: masks, memory of other types, comparisons.
 */
abstract class Emitter {
  final Assembler asm;
  final Width width;
  final int lanes;
  final int registerCount;
  final Frame frame;
  final Registers registers;
  final OperandAddresses addresses;
  final ConstantPool pool;

  /** Whether what is emitted is for the last elements of a row, fewer than there are lanes. */
  boolean inTail;

  private final Kernel kernel;
  private int copy;

  /**
   * @param evex whether there are masks, and constants can be repeated by the instruction
   */
  Emitter(Kernel kernel, boolean evex, Width width, int registerCount, Registers.Plan plan) {
    this.kernel = kernel;
    this.asm = new Assembler(evex);
    this.width = width;
    this.lanes = width.bytes() / 4;
    this.registerCount = registerCount;
    int onStack = OperandAddresses.onStack(kernel);
    this.frame = new Frame(kernel.outerLoops(), onStack, plan.slots(), width.bytes());
    this.pool = new ConstantPool(width.bytes(), evex);
    this.registers = new Registers(kernel, asm, width, registerCount, frame, pool, plan);
    this.addresses = new OperandAddresses(kernel, asm, frame);
  }

  // ---- what an ISA adds

  /** What is needed once before all loops, such as a mask for the last elements of a row. */
  abstract void prepareTail();

  abstract void loadElements(ElementType type, int to, Memory from);

  abstract void storeElements(ElementType type, Memory to, int from);

  /** One element, repeated in all lanes. */
  abstract void loadRow(ElementType type, int to, Memory from);

  abstract void storeRow(ElementType type, Memory to, int from);

  abstract void select(Predicate predicate, int to, int a, int b, int then, int otherwise);

  /** accumulator = accumulator ∘ value; under the tail only for the lanes inside the row. */
  abstract void accumulate(Opcode reduction, int accumulator, int value);

  /** Every lane becomes the combination of all lanes. */
  abstract void combineLanes(Opcode reduction, int accumulator);

  /** Data behind the code. */
  void emitTables() {}

  // ---- straight-line code

  /** Emits the code once; of an unrolled body that is copy {@code copy}. */
  final void straight(List<Instruction> code, int copy) {
    this.copy = copy;
    run(code, false);
    this.copy = 0;
  }

  /** Emits what is computed once a row, whose values stay on the stack. */
  final void once(List<Instruction> code) {
    run(code, true);
  }

  private void run(List<Instruction> code, boolean perRow) {
    registers.begin(code, copy);
    for (int i = 0; i < code.size(); i++) {
      var instruction = code.get(i);
      if (instruction.op() == Opcode.CONSTANT) continue;
      registers.goTo(i);
      emit(instruction);
      int id = instruction.id();
      if (perRow && registers.has(id)) {
        asm.op(Simd.VMOVUPS_STORE, width, registers.register(id), 0, registers.slot(id));
      }
      registers.dropUnused(id);
      registers.unlock();
    }
    registers.end(code, perRow);
  }

  private void emit(Instruction i) {
    var in = i.inputs();
    switch (i.op()) {
      case LOAD -> {
        int to = registers.define(i.id());
        var operand = kernel.operands().get(i.immediate());
        if (operand.access() == Operand.Access.ROW) {
          loadRow(operand.type(), to, addresses.row(i.immediate()));
        } else {
          loadElements(operand.type(), to, element(i.immediate()));
        }
      }
      case STORE -> {
        int from = registers.register(in.getFirst());
        var operand = kernel.operands().get(i.immediate());
        if (operand.access() == Operand.Access.ROW) {
          storeRow(operand.type(), addresses.row(i.immediate()), from);
        } else if (operand.access() == Operand.Access.STREAM && !inTail) {
          asm.op(Simd.VMOVNTPS_STORE, width, from, 0, element(i.immediate()));
        } else {
          storeElements(operand.type(), element(i.immediate()), from);
        }
        registers.releaseInputs(in);
      }
      case CONSTANT -> {}
      case ADD -> binary(Simd.VADDPS, i, true);
      case SUB -> binary(Simd.VSUBPS, i, false);
      case MUL -> binary(Simd.VMULPS, i, true);
      case DIV -> binary(Simd.VDIVPS, i, false);
      case MAX -> binary(Simd.VMAXPS, i, false);
      case MIN -> binary(Simd.VMINPS, i, false);
      case SCALE -> binary(Simd.VSCALEFPS, i, false);
      case AND -> binary(Simd.VPANDD, i, true);
      case OR -> binary(Simd.VPORD, i, true);
      case XOR -> binary(Simd.VPXORD, i, true);
      case INT_ADD -> binary(Simd.VPADDD, i, true);
      case INT_SUB -> binary(Simd.VPSUBD, i, false);
      case INT_MUL -> binary(Simd.VPMULLD, i, true);
      case INT_MAX -> binary(Simd.VPMAXSD, i, true);
      case INT_MIN -> binary(Simd.VPMINSD, i, true);
      case UNSIGNED_MAX -> binary(Simd.VPMAXUD, i, true);
      case UNSIGNED_MIN -> binary(Simd.VPMINUD, i, true);
      case SHIFT_LEFT_BY -> binary(Simd.VPSLLVD, i, false);
      case SHIFT_RIGHT_BY -> binary(Simd.VPSRLVD, i, false);
      case SHIFT_RIGHT_SIGNED_BY -> binary(Simd.VPSRAVD, i, false);
      case FMA -> multiplyAdd(Simd.VFMADD231PS, i);
      case FNMA -> multiplyAdd(Simd.VFNMADD231PS, i);
      case SQRT -> unary(Simd.VSQRTPS, i);
      case TO_INT -> unary(Simd.VCVTTPS2DQ, i);
      case TO_NEAREST_INT -> unary(Simd.VCVTPS2DQ, i);
      case TO_FLOAT -> unary(Simd.VCVTDQ2PS, i);
      case ROUND -> {
        int from = registers.register(in.getFirst());
        registers.releaseInputs(in);
        asm.op(Simd.VROUNDPS, width, registers.define(i.id()), 0, from, i.immediate());
      }
      case ROUND_F16 -> {
        int from = registers.register(in.getFirst());
        registers.releaseInputs(in);
        int to = registers.define(i.id());
        asm.op(Simd.VCVTPS2PH, width, from, 0, to, 0);
        asm.op(Simd.VCVTPH2PS, width, to, 0, to);
      }
      case SHIFT_LEFT -> shift(6, i);
      case SHIFT_RIGHT -> shift(2, i);
      case SHIFT_RIGHT_SIGNED -> shift(4, i);
      case SELECT -> {
        int a = registers.register(in.get(0));
        int b = registers.register(in.get(1));
        int then = registers.register(in.get(2));
        int otherwise = registers.register(in.get(3));
        int to = registers.define(i.id());
        select(Predicate.of(i.immediate()), to, a, b, then, otherwise);
        registers.releaseInputs(in);
      }
      case REDUCE_SUM,
          REDUCE_PRODUCT,
          REDUCE_MAX,
          REDUCE_MIN,
          REDUCE_INT_SUM,
          REDUCE_INT_PRODUCT,
          REDUCE_INT_MAX,
          REDUCE_INT_MIN,
          REDUCE_UNSIGNED_MAX,
          REDUCE_UNSIGNED_MIN,
          REDUCE_AND,
          REDUCE_OR -> {
        int value = registers.register(in.getFirst());
        accumulate(i.op(), registers.accumulator(i.id()), value);
        registers.releaseInputs(in);
      }
    }
    registers.unlock();
  }

  private void binary(Simd op, Instruction i, boolean commutative) {
    int a = i.inputs().get(0);
    int b = i.inputs().get(1);
    if (commutative && !registers.inRegister(a) && registers.inRegister(b)) {
      int swap = a;
      a = b;
      b = swap;
    }
    int left = registers.register(a);
    if (registers.inRegister(b)) {
      int right = registers.register(b);
      registers.releaseInputs(i.inputs());
      asm.op(op, width, registers.define(i.id()), left, right);
    } else {
      var right = registers.memory(b);
      registers.releaseInputs(i.inputs());
      asm.op(op, width, registers.define(i.id()), left, right);
    }
  }

  private void unary(Simd op, Instruction i) {
    int from = registers.register(i.inputs().getFirst());
    registers.releaseInputs(i.inputs());
    asm.op(op, width, registers.define(i.id()), 0, from);
  }

  private void shift(int extension, Instruction i) {
    int from = registers.register(i.inputs().getFirst());
    registers.releaseInputs(i.inputs());
    asm.op(
        Simd.VPSHIFTD_IMMEDIATE, width, extension, registers.define(i.id()), from, i.immediate());
  }

  /** The instruction adds to its destination, which therefore begins as a copy of the addend. */
  private void multiplyAdd(Simd op, Instruction i) {
    int a = i.inputs().get(0);
    int b = i.inputs().get(1);
    int addend = i.inputs().get(2);
    if (!registers.inRegister(a) && registers.inRegister(b)) {
      int swap = a;
      a = b;
      b = swap;
    }
    int left = registers.register(a);
    boolean inRegister = registers.inRegister(b);
    int right = inRegister ? registers.register(b) : -1;
    int to =
        registers.dies(addend) && addend != a && addend != b
            ? registers.takeOver(addend, i.id())
            : copyOf(addend, i.id());
    if (inRegister) asm.op(op, width, to, left, right);
    else asm.op(op, width, to, left, registers.memory(b));
    registers.releaseInputs(i.inputs());
  }

  private int copyOf(int value, int result) {
    if (registers.inRegister(value)) {
      int from = registers.register(value);
      int to = registers.define(result);
      asm.op(Simd.VMOVUPS, width, to, 0, from);
      return to;
    }
    var from = registers.memory(value);
    int to = registers.define(result);
    if (from.broadcast()) asm.op(Simd.VBROADCASTSS, width, to, 0, from.element());
    else asm.op(Simd.VMOVUPS, width, to, 0, from);
    return to;
  }

  private Memory element(int operand) {
    return addresses.element(operand, copy * lanes);
  }

  /** The instruction that combines two vectors as {@code reduction} does. */
  static Simd combination(Opcode reduction) {
    return switch (reduction) {
      case REDUCE_SUM -> Simd.VADDPS;
      case REDUCE_PRODUCT -> Simd.VMULPS;
      case REDUCE_MAX -> Simd.VMAXPS;
      case REDUCE_MIN -> Simd.VMINPS;
      case REDUCE_INT_SUM -> Simd.VPADDD;
      case REDUCE_INT_PRODUCT -> Simd.VPMULLD;
      case REDUCE_INT_MAX -> Simd.VPMAXSD;
      case REDUCE_INT_MIN -> Simd.VPMINSD;
      case REDUCE_UNSIGNED_MAX -> Simd.VPMAXUD;
      case REDUCE_UNSIGNED_MIN -> Simd.VPMINUD;
      case REDUCE_AND -> Simd.VPANDD;
      case REDUCE_OR -> Simd.VPORD;
      default -> throw new IllegalArgumentException(reduction + " is no reduction");
    };
  }
}
