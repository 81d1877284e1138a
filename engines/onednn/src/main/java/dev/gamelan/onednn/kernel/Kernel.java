package dev.gamelan.onednn.kernel;

import java.util.List;

/**
 * A loop nest: outer loops over rows, and for each row one loop over its elements per phase. A
 * phase ends where a reduction must be complete before anything else can go on. Sizes, addresses
 * and strides are arguments, so that one kernel serves all shapes. Equal kernels have equal code.
 *
 * @param outerLoops how many loops there are around a row
 * @param columns whether reductions go down the innermost outer loop instead of along the row
 * @param rows how many one turn of the innermost outer loop takes
 */
public record Kernel(
    List<Operand> operands, List<Phase> phases, int outerLoops, boolean columns, int rows) {

  /** What is computed once a row, then for each element. Row stores stand among the former. */
  public record Phase(List<Instruction> perRow, List<Instruction> perElement) {
    public Phase {
      perRow = List.copyOf(perRow);
      perElement = List.copyOf(perElement);
    }
  }

  public Kernel {
    operands = List.copyOf(operands);
    phases = List.copyOf(phases);
  }

  /** Of the arguments, in longs: row length, outer sizes, then address and strides per operand. */
  public int argumentCount() {
    return 1 + outerLoops + operands.size() * (1 + outerLoops);
  }

  /** Where the address of an operand stands among the arguments; its strides follow. */
  public int addressArgument(int operand) {
    return 1 + outerLoops + operand * (1 + outerLoops);
  }

  /** How many instructions run for each element, over all phases. */
  public int perElement() {
    return phases.stream().mapToInt(phase -> phase.perElement().size()).sum() / rows;
  }
}
