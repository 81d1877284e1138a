package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Memory;
import java.util.List;

/**
 * Where in each operand a kernel is: in a register for the first ones, on the stack for the others.
 * Those pass through r10 when they are used.
 */
final class OperandAddresses {
  private static final List<Gpr> REGISTERS =
      List.of(Gpr.R8, Gpr.R9, Gpr.RSI, Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  static final int IN_REGISTERS = REGISTERS.size();

  private final Kernel kernel;
  private final Assembler asm;
  private final Frame frame;

  OperandAddresses(Kernel kernel, Assembler asm, Frame frame) {
    this.kernel = kernel;
    this.asm = asm;
    this.frame = frame;
  }

  /** How many operands of a kernel have no register. */
  static int onStack(Kernel kernel) {
    return Math.max(0, kernel.operands().size() - REGISTERS.size());
  }

  /** Fetches all of them from the arguments. */
  void load() {
    for (int i = 0; i < kernel.operands().size(); i++) {
      var from = Memory.at(Gpr.RDI, 8 * kernel.addressArgument(i));
      if (i < REGISTERS.size()) {
        asm.load(REGISTERS.get(i), from);
      } else {
        asm.load(Gpr.R10, from);
        asm.store(onStack(i), Gpr.R10);
      }
    }
  }

  /** Goes one step of an outer loop on in every operand. */
  void advance(int loop) {
    for (int i = 0; i < kernel.operands().size(); i++) {
      if (isScratch(i)) continue;
      if (i < REGISTERS.size()) {
        asm.add(REGISTERS.get(i), stride(i, loop));
      } else {
        asm.load(Gpr.R10, stride(i, loop));
        asm.add(onStack(i), Gpr.R10);
      }
    }
  }

  /** Takes all steps of an outer loop back. */
  void rewind(int loop) {
    for (int i = 0; i < kernel.operands().size(); i++) {
      if (isScratch(i)) continue;
      asm.load(Gpr.R10, stride(i, loop));
      asm.imul(Gpr.R10, Memory.at(Gpr.RDI, 8 * (1 + loop)));
      asm.neg(Gpr.R10);
      if (i < REGISTERS.size()) asm.add(REGISTERS.get(i), Gpr.R10);
      else asm.add(onStack(i), Gpr.R10);
    }
  }

  /** The element at rax, or {@code elements} further. */
  Memory element(int operand, int elements) {
    var type = kernel.operands().get(operand).type();
    return Memory.at(pointer(operand), Gpr.RAX, type.scale(), elements * type.bytes());
  }

  /** The one element of the row. */
  Memory row(int operand) {
    return Memory.at(pointer(operand), 0);
  }

  private Gpr pointer(int operand) {
    if (operand < REGISTERS.size()) return REGISTERS.get(operand);
    asm.load(Gpr.R10, onStack(operand));
    return Gpr.R10;
  }

  private boolean isScratch(int operand) {
    return kernel.operands().get(operand).access() == Operand.Access.SCRATCH;
  }

  private Memory stride(int operand, int loop) {
    return Memory.at(Gpr.RDI, 8 * (kernel.addressArgument(operand) + 1 + loop));
  }

  private Memory onStack(int operand) {
    return frame.address(operand - REGISTERS.size());
  }
}
