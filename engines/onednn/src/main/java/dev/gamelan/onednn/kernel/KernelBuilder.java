package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.code.Isa;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;

/**
 * Writes a kernel as one expression graph; {@link #finish} lays it out in phases. A value of one
 * phase that a later one needs is computed again where that is cheap; else it is kept in memory, in
 * an operand that it is stored to anyway or in a scratch row.
 */
public final class KernelBuilder {
  /** Instructions beyond which a value is kept rather than computed again. */
  private static final int CHEAP = 6;

  private final Isa isa;
  private final int outerLoops;
  private final boolean columns;
  private final List<Operand> operands = new ArrayList<>();
  private final List<Instruction> instructions = new ArrayList<>();
  private final List<Integer> phases = new ArrayList<>();
  private final List<Boolean> perRow = new ArrayList<>();
  private final Map<Instruction, Integer> known = new HashMap<>();

  public KernelBuilder(Isa isa, int outerLoops, boolean columns) {
    this.isa = isa;
    this.outerLoops = outerLoops;
    this.columns = columns;
  }

  public Isa isa() {
    return isa;
  }

  public int operand(ElementType type, Operand.Access access) {
    operands.add(new Operand(type, access));
    return operands.size() - 1;
  }

  // ---- instructions

  public int load(int operand) {
    return add(Opcode.LOAD, operand);
  }

  public int bits(int bits) {
    return add(Opcode.CONSTANT, bits);
  }

  public int constant(double value) {
    return bits(Float.floatToRawIntBits((float) value));
  }

  public int add(Opcode op, int immediate, Integer... inputs) {
    // Ids apart, equal instructions are the same value.
    var key = new Instruction(-1, op, List.of(inputs), immediate);
    var existing = known.get(key);
    if (existing != null) return existing;
    int id = instructions.size();
    instructions.add(new Instruction(id, op, List.of(inputs), immediate));
    phases.add(phaseOf(key.inputs()));
    perRow.add(isPerRow(op, immediate, key.inputs()));
    known.put(key, id);
    return id;
  }

  private int phaseOf(List<Integer> inputs) {
    int phase = 0;
    for (int input : inputs) {
      boolean reduced = instructions.get(input).op().isReduction();
      phase = Math.max(phase, phases.get(input) + (reduced ? 1 : 0));
    }
    return phase;
  }

  private boolean isPerRow(Opcode op, int immediate, List<Integer> inputs) {
    if (op == Opcode.CONSTANT || op.isReduction()) return true;
    // Down a column every row differs, and results are one per column.
    if (columns) return false;
    if (op == Opcode.LOAD) return operands.get(immediate).access() == Operand.Access.ROW;
    if (op == Opcode.STORE) return operands.get(immediate).access() == Operand.Access.ROW;
    return inputs.stream().allMatch(perRow::get);
  }

  public void store(int operand, int value) {
    add(Opcode.STORE, operand, value);
  }

  public int op(Opcode op, Integer... inputs) {
    return add(op, 0, inputs);
  }

  /** Whether {@code value} is x − max x, which is at most 0, or NaN. */
  boolean isAtMostZero(int value) {
    var difference = instructions.get(value);
    if (difference.op() != Opcode.SUB) return false;
    var less = instructions.get(difference.inputs().get(1));
    return less.op() == Opcode.REDUCE_MAX
        && less.inputs().getFirst().equals(difference.inputs().getFirst());
  }

  public int fma(int a, int b, int c) {
    return op(Opcode.FMA, a, b, c);
  }

  public int select(Predicate predicate, int a, int b, int then, int otherwise) {
    return add(Opcode.SELECT, predicate.code, a, b, then, otherwise);
  }

  /** a·xⁿ + …, the coefficient of the highest power first, by Horner's rule. */
  public int polynomial(int x, double... coefficients) {
    int sum = constant(coefficients[0]);
    for (int i = 1; i < coefficients.length; i++) sum = fma(sum, x, constant(coefficients[i]));
    return sum;
  }

  // ---- phases

  /** The kernel. The builder is of no use afterwards. */
  public Kernel finish() {
    int count = 1;
    for (var instruction : instructions) {
      if (instruction.op() == Opcode.STORE || instruction.op().isReduction()) {
        count = Math.max(count, phases.get(instruction.id()) + 1);
      }
    }
    // From the last phase to the first, which by then know what they must keep.
    var laidOut = new ArrayList<Kernel.Phase>();
    var kept = new LinkedHashMap<Integer, Integer>();
    for (int phase = count - 1; phase >= 0; phase--) {
      laidOut.addFirst(layOut(phase, kept));
    }
    return new Kernel(operands, laidOut, outerLoops, columns, 1);
  }

  private Kernel.Phase layOut(int phase, Map<Integer, Integer> kept) {
    var elements = new LinkedHashSet<Integer>();
    var stores = new ArrayList<Instruction>();
    var reload = new HashMap<Integer, Instruction>();
    var originals = List.copyOf(instructions);
    for (var root : originals) {
      boolean here = phases.get(root.id()) == phase;
      if (here && root.op().isReduction()) {
        need(root.inputs().getFirst(), phase, elements, kept, reload);
        elements.add(root.id());
      } else if (here && root.op() == Opcode.STORE && !perRow.get(root.id())) {
        need(root.inputs().getFirst(), phase, elements, kept, reload);
        stores.add(root);
      }
    }
    for (var entry : List.copyOf(kept.entrySet())) {
      int value = entry.getKey();
      if (phases.get(value) != phase) continue;
      need(value, phase, elements, kept, reload);
      if (!storedTo(value).contains(entry.getValue())) {
        int id = instructions.size() + stores.size();
        stores.add(new Instruction(id, Opcode.STORE, List.of(value), entry.getValue()));
      }
    }
    var body = new ArrayList<Instruction>();
    for (int id : elements) {
      var reloaded = reload.get(id);
      body.add(reloaded != null ? reloaded : instructions.get(id));
    }
    // Stores come last: a result may take the memory of what the same element was loaded from.
    body.addAll(stores);
    var rows = new ArrayList<Instruction>();
    for (var instruction : originals) {
      if (perRow.get(instruction.id())
          && !instruction.op().isReduction()
          && phases.get(instruction.id()) == phase) {
        rows.add(instruction);
      }
    }
    return new Kernel.Phase(rows, body);
  }

  /** Adds what computes {@code value} in this phase, in order. */
  private void need(
      int value,
      int phase,
      SequencedSet<Integer> elements,
      Map<Integer, Integer> kept,
      Map<Integer, Instruction> reload) {
    if (perRow.get(value) || elements.contains(value)) return;
    var instruction = instructions.get(value);
    if (phases.get(value) < phase && cost(value) > CHEAP) {
      int operand = kept.computeIfAbsent(value, this::keep);
      reload.put(value, new Instruction(value, Opcode.LOAD, List.of(), operand));
    } else {
      for (int input : instruction.inputs()) need(input, phase, elements, kept, reload);
    }
    elements.add(value);
  }

  private int keep(int value) {
    return storedTo(value).stream()
        .findFirst()
        .orElseGet(() -> operand(ElementType.I32, Operand.Access.SCRATCH));
  }

  /** The operands that hold {@code value} as it is, with all its bits. */
  private List<Integer> storedTo(int value) {
    return instructions.stream()
        .filter(i -> i.op() == Opcode.STORE && i.inputs().getFirst() == value)
        .map(Instruction::immediate)
        .filter(operand -> operands.get(operand).type().bytes() == 4)
        .toList();
  }

  private int cost(int value) {
    if (perRow.get(value)) return 0;
    var instruction = instructions.get(value);
    int cost = instruction.op() == Opcode.DIV || instruction.op() == Opcode.SQRT ? CHEAP : 1;
    for (int input : instruction.inputs()) {
      if (cost <= CHEAP) cost += cost(input);
    }
    return cost;
  }
}
