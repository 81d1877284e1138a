package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Memory;

/**
 * What a kernel has on the stack, from rsp up: the caller's rsp, the limits of the two loops over
 * whole vectors, a counter for each outer loop, addresses of operands for which no register is
 * left, then values that have no register, and room for one more vector.
 */
record Frame(int outerLoops, int addresses, int slots, int vectorBytes) {
  private static final int ALIGNMENT = 64;

  Memory callersStackPointer() {
    return at(0);
  }

  /** Where the loop of unrolled bodies ends. */
  Memory unrolledEnd() {
    return at(1);
  }

  /** Where the loop of whole vectors ends. */
  Memory vectorsEnd() {
    return at(2);
  }

  Memory counter(int loop) {
    return at(3 + loop);
  }

  Memory address(int index) {
    return at(3 + outerLoops + index);
  }

  Memory slot(int index) {
    return Memory.at(Gpr.RSP, firstSlot() + index * vectorBytes);
  }

  /** A vector's room for an ISA to move elements through. */
  Memory buffer() {
    return slot(slots);
  }

  int bytes() {
    return firstSlot() + (slots + 1) * vectorBytes;
  }

  private int firstSlot() {
    return Math.ceilDiv(8 * (3 + outerLoops + addresses), ALIGNMENT) * ALIGNMENT;
  }

  private static Memory at(int index) {
    return Memory.at(Gpr.RSP, 8 * index);
  }
}
