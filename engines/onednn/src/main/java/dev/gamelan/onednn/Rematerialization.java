package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.DeadNodeElimination;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.type.DType;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * What one kernel computes from few values and would store for another, as an activation for its
 * gradient, is computed again by the other where that moves less memory. Of a GELU the gradient
 * reads six values, which all come from one.
 */
final class Rematerialization {
  /** Smaller ones are in a cache when they are read. */
  private static final long LEAST_ELEMENTS = 1 << 16;

  /** How many values more must be read and written than are when it is computed again. */
  private static final int LEAST_SAVED = 3;

  /** What a kernel computes again at most. */
  private static final int MOST_NODES = 32;

  private final Graph graph;
  private final Fusion fusion;
  private final Set<Value> outputs = new HashSet<>();

  /** The units that read each value that lies in memory. */
  private final Map<Value, Set<Unit>> readers = new LinkedHashMap<>();

  /** For units of which others compute some again: those others. */
  private final Map<Unit, Set<Unit>> repeated = new HashMap<>();

  /** What stands for each value of the graph. */
  private final Map<Value, Value> whole = new HashMap<>();

  /** What a unit has computed again. */
  private final Map<Unit, Map<Value, Value>> again = new HashMap<>();

  private Rematerialization(Graph graph, Fusion fusion) {
    this.graph = graph;
    this.fusion = fusion;
    for (var output : graph.outputs()) outputs.add(fusion.view(output).base());
    for (var node : graph.nodes()) {
      var reader = unit(node);
      if (reader.isEmpty()) continue;
      for (var input : node.inputs()) {
        var base = fusion.view(input).base();
        readers.computeIfAbsent(base, v -> new LinkedHashSet<>()).add(reader.get());
      }
    }
    Fusion.stored(graph, fusion)
        .forEach(
            (unit, values) -> {
              if (isPointwise(unit)) decide(unit, values);
            });
  }

  /**
   * @param channelsLast which nodes write their result so
   */
  static Graph apply(Graph graph, Predicate<Node> channelsLast) {
    // Without a function whose result is read twice, apart from sums, nothing is worth it.
    if (!hasSharedFunction(graph)) return graph;
    var pass = new Rematerialization(graph, new Fusion(graph, channelsLast));
    return pass.repeated.isEmpty() ? graph : new DeadNodeElimination().apply(pass.rewritten());
  }

  private static boolean hasSharedFunction(Graph graph) {
    var read = new HashSet<Value>();
    for (var node : graph.nodes()) {
      if (node.op() instanceof Primitive.Reduce) continue;
      for (var input : Set.copyOf(node.inputs())) {
        var producer = graph.producer(input);
        boolean isFunction = producer != null && producer.op() instanceof Primitive.Unary;
        boolean isLarge = input.type().size() >= LEAST_ELEMENTS;
        if (isFunction && isLarge && !read.add(input)) return true;
      }
    }
    return false;
  }

  /** What computes the node, by itself or with others; empty for movement and sources. */
  private Optional<Unit> unit(Node node) {
    return node.results().stream().findFirst().flatMap(fusion::unit);
  }

  private static boolean isPointwise(Unit unit) {
    return unit.fused
        && unit.reduction == Unit.Reduction.NONE
        && unit.domain.size() >= LEAST_ELEMENTS
        && unit.levels.keySet().stream().allMatch(Rematerialization::isExact);
  }

  /** Whether a value in a register is the same as one that was stored. */
  private static boolean isExact(Value value) {
    return value.type().dtype() == DType.F32 || value.type().dtype() == DType.BOOL;
  }

  private void decide(Unit unit, Set<Value> values) {
    var others = new LinkedHashSet<Unit>();
    long saved = 0;
    for (var reader : values.stream().flatMap(value -> readers(value, unit)).distinct().toList()) {
      var read = values.stream().filter(v -> readers(v, unit).anyMatch(reader::equals)).toList();
      var nodes = needed(unit, read);
      var sources = sources(unit, nodes);
      boolean fits =
          nodes.size() <= MOST_NODES && reader.nodes.size() + nodes.size() <= Fusion.MAX_NODES;
      // From a fused unit's values they would be computed there, and stored again.
      boolean apart = reader.fused && sources.stream().noneMatch(this::isFused);
      long large = sources.stream().filter(v -> isLarge(v, unit)).count();
      if (!fits || !apart || large >= read.size()) continue;
      others.add(reader);
      saved += read.size() - large;
    }
    for (var value : values) {
      boolean stays = outputs.contains(value) || !readers(value, unit).allMatch(others::contains);
      if (!stays) saved++;
    }
    if (!others.isEmpty() && saved >= LEAST_SAVED) repeated.put(unit, others);
  }

  /** The units that read what {@code unit} computes, without itself. */
  private Stream<Unit> readers(Value value, Unit unit) {
    return readers.getOrDefault(value, Set.of()).stream().filter(reader -> reader != unit);
  }

  /** Whether a base takes as much memory as a value of {@code unit}. */
  private boolean isLarge(Value base, Unit unit) {
    var producer = graph.producer(base);
    boolean isRule =
        producer != null
            && (producer.op() instanceof Primitive.Fill || producer.op() instanceof Primitive.Iota);
    return !isRule && base.type().size() >= unit.domain.size();
  }

  private boolean isFused(Value base) {
    return fusion.unit(base).filter(unit -> unit.fused).isPresent();
  }

  /** The nodes of {@code unit} from which {@code values} come. */
  private Set<Node> needed(Unit unit, List<Value> values) {
    var found = new LinkedHashSet<Node>();
    var stack = new ArrayDeque<>(values);
    while (!stack.isEmpty()) {
      var base = fusion.view(stack.pop()).base();
      if (!unit.levels.containsKey(base)) continue;
      var producer = Objects.requireNonNull(graph.producer(base));
      if (found.add(producer)) stack.addAll(producer.inputs());
    }
    return found;
  }

  /** What {@code nodes} read that {@code unit} does not compute. */
  private Set<Value> sources(Unit unit, Set<Node> nodes) {
    var sources = new LinkedHashSet<Value>();
    for (var node : nodes) {
      for (var input : node.inputs()) {
        var base = fusion.view(input).base();
        if (!unit.levels.containsKey(base)) sources.add(base);
      }
    }
    return sources;
  }

  private Graph rewritten() {
    return Rewrite.of(
        graph,
        (g, node, operands) -> {
          for (int i = 0; i < operands.size(); i++) {
            whole.put(node.inputs().get(i), operands.get(i));
          }
          var reader = unit(node);
          var own =
              reader.isEmpty()
                  ? operands
                  : node.inputs().stream().map(input -> operand(g, reader.get(), input)).toList();
          return g.addNode(node.op(), own, node).results();
        });
  }

  private Value operand(GraphBuilder g, Unit reader, Value input) {
    var source = fusion.unit(fusion.view(input).base());
    boolean repeats =
        source.isPresent() && repeated.getOrDefault(source.get(), Set.of()).contains(reader);
    return repeats
        ? again(g, source.get(), input, again.computeIfAbsent(reader, unit -> new HashMap<>()))
        : known(input);
  }

  /** The value computed once more, of what {@code unit} reads, where it is not {@code done}. */
  private Value again(GraphBuilder g, Unit unit, Value value, Map<Value, Value> done) {
    if (!unit.levels.containsKey(fusion.view(value).base())) return known(value);
    var before = done.get(value);
    if (before != null) return before;
    var producer = Objects.requireNonNull(graph.producer(value));
    var operands = producer.inputs().stream().map(x -> again(g, unit, x, done)).toList();
    var results = g.addNode(producer.op(), operands, producer).results();
    for (int i = 0; i < results.size(); i++) done.put(producer.results().get(i), results.get(i));
    return Objects.requireNonNull(done.get(value));
  }

  private Value known(Value value) {
    return Objects.requireNonNull(whole.get(value));
  }
}
