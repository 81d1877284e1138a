package dev.gamelan.onednn.kernel;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Makes a kernel take several rows in one turn of its innermost outer loop: while one waits for its
 * reduction to be complete, the others have something to do.
 */
public final class RowInterleaving {
  private final Kernel kernel;
  private final Set<Integer> shared;
  private final List<Integer> own;

  /** Values that are the same in all rows. */
  private final Set<Integer> common = new HashSet<>();

  /** More than there are ids in a row. */
  private int ids;

  private RowInterleaving(Kernel kernel, Set<Integer> shared) {
    this.kernel = kernel;
    this.shared = shared;
    this.own =
        IntStream.range(0, kernel.operands().size())
            .filter(operand -> !shared.contains(operand))
            .boxed()
            .toList();
    for (var phase : kernel.phases()) {
      Stream.concat(phase.perRow().stream(), phase.perElement().stream()).forEach(this::note);
    }
  }

  private void note(Instruction instruction) {
    ids = Math.max(ids, instruction.id() + 1);
    boolean fromShared =
        instruction.op() == Opcode.LOAD && shared.contains(instruction.immediate());
    if (fromShared || instruction.op() == Opcode.CONSTANT) common.add(instruction.id());
  }

  /** Whether the addresses of all operands stay in registers. */
  public static boolean fits(Kernel kernel, int rows, Set<Integer> shared) {
    int own = kernel.operands().size() - shared.size();
    return shared.size() + rows * own <= OperandAddresses.IN_REGISTERS;
  }

  /**
   * Behind the operands of the first row stand those of each further row, without the shared ones.
   *
   * @param shared operands that have the same elements in all rows
   */
  public static Kernel of(Kernel kernel, int rows, Set<Integer> shared) {
    var interleaving = new RowInterleaving(kernel, shared);
    var operands = new ArrayList<>(kernel.operands());
    for (int row = 1; row < rows; row++) {
      for (int operand : interleaving.own) operands.add(kernel.operands().get(operand));
    }
    var phases =
        kernel.phases().stream()
            .map(
                phase ->
                    new Kernel.Phase(
                        interleaving.copies(phase.perRow(), rows),
                        interleaving.copies(phase.perElement(), rows)))
            .toList();
    return new Kernel(operands, phases, kernel.outerLoops(), false, rows);
  }

  private List<Instruction> copies(List<Instruction> code, int rows) {
    var all = new ArrayList<>(code);
    for (int row = 1; row < rows; row++) {
      for (var instruction : code) {
        if (!common.contains(instruction.id())) all.add(copy(instruction, row));
      }
    }
    return all;
  }

  private Instruction copy(Instruction i, int row) {
    boolean memory = i.op() == Opcode.LOAD || i.op() == Opcode.STORE;
    return new Instruction(
        id(i.id(), row),
        i.op(),
        i.inputs().stream().map(input -> id(input, row)).toList(),
        memory ? operand(i.immediate(), row) : i.immediate());
  }

  private int id(int value, int row) {
    return common.contains(value) ? value : value + row * ids;
  }

  private int operand(int operand, int row) {
    if (shared.contains(operand)) return operand;
    return kernel.operands().size() + (row - 1) * own.size() + own.indexOf(operand);
  }
}
