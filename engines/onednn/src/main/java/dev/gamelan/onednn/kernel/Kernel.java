package dev.gamelan.onednn.kernel;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

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

  /** Whether it writes past the caches. */
  boolean streams() {
    return operands.stream().anyMatch(operand -> operand.access() == Operand.Access.STREAM);
  }

  /** The same, but that elements of 4 bytes are written past the caches. */
  public Kernel streaming() {
    var written =
        phases.stream()
            .flatMap(phase -> phase.perElement().stream())
            .filter(i -> i.op() == Opcode.STORE)
            .map(Instruction::immediate)
            .collect(Collectors.toSet());
    var streamed =
        IntStream.range(0, operands.size())
            .mapToObj(i -> written.contains(i) ? operands.get(i).streamed() : operands.get(i))
            .toList();
    return new Kernel(streamed, phases, outerLoops, columns, rows);
  }

  /** How many instructions run for each element, over all phases. */
  public int perElement() {
    return phases.stream().mapToInt(phase -> phase.perElement().size()).sum() / rows;
  }
}
