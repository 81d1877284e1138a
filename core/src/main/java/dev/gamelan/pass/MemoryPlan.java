package dev.gamelan.pass;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Where the values of a graph lie while it runs. Intermediate values get offsets in one arena, such
 * that values alive at the same time never overlap; the largest are placed first, each at the
 * lowest offset that is free throughout its life [1]. An update of part of a tensor is written in
 * place where its operand dies there and lies in the arena or in a donated input.
 *
 * <p>[1] Pisarchyk, Lee, Efficient Memory Management for Deep Neural Net Inference,
 * arXiv:2001.03288: greedy by size.
 */
public final class MemoryPlan {
  /** Offsets are multiples of this, a cache line. */
  public static final long ALIGNMENT = 64;

  /** Where a value lies. */
  public sealed interface Place {
    /** In the buffer of an input; not written unless it is donated. */
    record Input(int index) implements Place {}

    /** In the new buffer of an output. */
    record Output(int index) implements Place {}

    record Arena(long offset, long bytes) implements Place {}
  }

  private static final class Slot {
    final List<Value> values = new ArrayList<>();
    int birth;
    int death;
    OptionalInt input = OptionalInt.empty();
    OptionalInt output = OptionalInt.empty();
    long bytes;
    long offset = -1;
  }

  private final Graph graph;
  private final Set<Integer> donated;
  private final Map<Value, Slot> slots = new HashMap<>();
  private final Map<Value, Integer> lastUse = new HashMap<>();
  private final Map<Value, Integer> inPlace = new HashMap<>();
  private long arenaBytes;

  private MemoryPlan(Graph graph, Set<Integer> donated) {
    this.graph = graph;
    this.donated = donated;
  }

  public static MemoryPlan of(Graph graph, Set<Integer> donated) {
    var plan = new MemoryPlan(graph, donated);
    plan.findLives();
    plan.assignSlots();
    plan.placeInArena();
    return plan;
  }

  /** Bytes of the arena. */
  public long arenaBytes() {
    return arenaBytes;
  }

  public Place place(Value value) {
    var slot = slot(value);
    if (slot.output.isPresent()) return new Place.Output(slot.output.getAsInt());
    if (slot.input.isPresent()) return new Place.Input(slot.input.getAsInt());
    return new Place.Arena(slot.offset, slot.bytes);
  }

  /** The operand in whose memory a node writes {@code result}; empty where it gets its own. */
  public OptionalInt inPlace(Value result) {
    var operand = inPlace.get(result);
    return operand == null ? OptionalInt.empty() : OptionalInt.of(operand);
  }

  /** The donated input whose buffer becomes output {@code index}. */
  public OptionalInt donatedTo(int index) {
    return slot(graph.outputs().get(index)).input;
  }

  private Slot slot(Value value) {
    var slot = slots.get(value);
    if (slot == null) throw new IllegalArgumentException(value + " is of another graph");
    return slot;
  }

  private void findLives() {
    for (var node : graph.nodes()) {
      for (var input : node.inputs()) lastUse.put(input, node.id());
    }
    for (var output : graph.outputs()) lastUse.put(output, Integer.MAX_VALUE);
  }

  private void assignSlots() {
    for (int i = 0; i < graph.inputs().size(); i++) {
      var slot = open(graph.inputs().get(i), -1);
      slot.input = OptionalInt.of(i);
    }
    for (var node : graph.nodes()) {
      for (var result : node.results()) {
        var reused = reusable(node, result);
        if (reused.isPresent()) {
          inPlace.put(result, reused.getAsInt());
          extend(slot(node.inputs().get(reused.getAsInt())), result);
        } else {
          open(result, node.id());
        }
      }
    }
    for (int i = 0; i < graph.outputs().size(); i++) {
      var slot = slot(graph.outputs().get(i));
      // An undonated input that is an output, or a value that is two outputs, is copied at the end.
      boolean first = slot.output.isEmpty();
      boolean own = slot.input.isEmpty() || donated.contains(slot.input.getAsInt());
      if (first && own) slot.output = OptionalInt.of(i);
    }
  }

  private Slot open(Value value, int birth) {
    var slot = new Slot();
    slot.birth = birth;
    slot.bytes = Math.ceilDiv(Math.max(value.type().bytes(), 1), ALIGNMENT) * ALIGNMENT;
    extend(slot, value);
    return slot;
  }

  private void extend(Slot slot, Value value) {
    slot.values.add(value);
    slot.death = Math.max(slot.death, lastUse.getOrDefault(value, slot.birth));
    slots.put(value, slot);
  }

  /** An update may overwrite its operand if nothing else reads that operand's memory, or later. */
  private OptionalInt reusable(Node node, Value result) {
    var updated = updated(node.op(), result.index());
    if (updated.isEmpty()) return OptionalInt.empty();
    int at = updated.getAsInt();
    var operand = node.inputs().get(at);
    var slot = slot(operand);
    boolean readLater = slot.values.stream().anyMatch(v -> lastUse.getOrDefault(v, -1) > node.id());
    boolean readElsewhere = false;
    for (int i = 0; i < node.inputs().size(); i++) {
      readElsewhere |= i != at && slot(node.inputs().get(i)) == slot;
    }
    boolean writable = slot.input.isEmpty() || donated.contains(slot.input.getAsInt());
    boolean fits = operand.type().equals(result.type());
    return !readLater && !readElsewhere && writable && fits ? updated : OptionalInt.empty();
  }

  /** The operand that result {@code index} is an update of. */
  private static OptionalInt updated(Op op, int index) {
    return switch (op) {
      case Primitive.DynamicUpdateSlice u -> OptionalInt.of(0);
      case Primitive.Scatter s -> OptionalInt.of(0);
      case Primitive.ScatterElements s -> OptionalInt.of(0);
      case Primitive.Scan scan when index < scan.carries() -> OptionalInt.of(index);
      case Primitive.While loop -> OptionalInt.of(index);
      default -> OptionalInt.empty();
    };
  }

  private void placeInArena() {
    var inArena =
        slots.values().stream()
            .distinct()
            .filter(slot -> slot.input.isEmpty() && slot.output.isEmpty())
            .sorted(
                Comparator.comparingLong((Slot slot) -> slot.bytes)
                    .reversed()
                    .thenComparingInt(slot -> slot.birth)
                    .thenComparingInt(slot -> slot.values.getFirst().index()))
            .toList();
    var placed = new ArrayList<Slot>();
    for (var slot : inArena) {
      var neighbours =
          placed.stream()
              .filter(other -> other.birth <= slot.death && slot.birth <= other.death)
              .sorted(Comparator.comparingLong(other -> other.offset))
              .toList();
      long offset = 0;
      for (var other : neighbours) {
        if (offset + slot.bytes <= other.offset) break;
        offset = Math.max(offset, other.offset + other.bytes);
      }
      slot.offset = offset;
      placed.add(slot);
      arenaBytes = Math.max(arenaBytes, offset + slot.bytes);
    }
  }
}
