package dev.gamelan.onednn.kernel;

import java.util.List;

/** One step of a kernel; its inputs are ids of earlier ones. */
public record Instruction(int id, Opcode op, List<Integer> inputs, int immediate) {
  public Instruction {
    inputs = List.copyOf(inputs);
  }
}
