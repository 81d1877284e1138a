package dev.gamelan.mxnet;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A graph cut into steps. A node is of one of three kinds, and goes into the first stage of its
 * kind that follows its operands'; stages of the kinds take turns. So a graph that MXNet has every
 * op for is one call.
 */
final class Program implements Step {
  private enum Kind {
    MXNET(0),
    HOST(1),
    LOOP(2);

    static final int COUNT = 3;

    private final int turn;

    Kind(int turn) {
      this.turn = turn;
    }

    static Kind of(Graph graph, Node node) {
      if (node.op() instanceof Primitive op && Loops.isLoop(op)) return LOOP;
      return Support.takes(graph, node) ? MXNET : HOST;
    }
  }

  /**
   * @param dead what no later step reads
   */
  private record Placed(Step step, List<Value> inputs, List<Value> outputs, List<Value> dead) {}

  private final Graph graph;
  private final List<Placed> steps = new ArrayList<>();

  Program(Graph graph) {
    this.graph = graph;
    var stages = stages(graph);
    var parts = new ArrayList<List<Node>>();
    stages.forEach(
        (stage, nodes) -> {
          if (stage % Kind.COUNT != Kind.LOOP.turn) parts.add(nodes);
          else nodes.forEach(node -> parts.add(List.of(node)));
        });
    place(parts);
  }

  private static boolean isSource(Node node) {
    return node.inputs().isEmpty();
  }

  /** Sources are in every part that reads them; here only where they have to be values. */
  private static Map<Integer, List<Node>> stages(Graph graph) {
    var stageOf = new HashMap<Value, Integer>();
    var stages = new TreeMap<Integer, List<Node>>();
    var values = new HashSet<>(graph.outputs());
    for (var node : graph.nodes())
      if (Kind.of(graph, node) == Kind.LOOP) values.addAll(node.inputs());
    for (var node : graph.nodes()) {
      if (isSource(node) && node.results().stream().noneMatch(values::contains)) continue;
      int earliest =
          node.inputs().stream().mapToInt(v -> stageOf.getOrDefault(v, 0)).max().orElse(0);
      int stage = earliest + Math.floorMod(Kind.of(graph, node).turn - earliest, Kind.COUNT);
      for (var result : node.results()) stageOf.put(result, stage);
      stages.computeIfAbsent(stage, _ -> new ArrayList<>()).add(node);
    }
    return stages;
  }

  private void place(List<List<Node>> parts) {
    var readLater = new ArrayList<Set<Value>>();
    var later = new HashSet<>(graph.outputs());
    for (var part : parts.reversed()) {
      readLater.addFirst(Set.copyOf(later));
      part.forEach(node -> later.addAll(node.inputs()));
    }
    var known = new HashSet<Value>();
    for (int i = 0; i < parts.size(); i++) {
      var part = parts.get(i);
      var after = readLater.get(i);
      var cut = cut(part, after);
      known.addAll(cut.outputs());
      var dead = known.stream().filter(value -> !after.contains(value)).toList();
      dead.forEach(known::remove);
      steps.add(new Placed(step(part, cut), cut.inputs(), cut.outputs(), dead));
    }
  }

  private record Cut(List<Value> inputs, List<Value> outputs) {}

  /** What a part reads of others, and what of it others read. */
  private Cut cut(List<Node> part, Set<Value> after) {
    var first = part.getFirst();
    if (Kind.of(graph, first) == Kind.LOOP) return new Cut(first.inputs(), first.results());
    var own = new HashSet<Value>();
    part.forEach(node -> own.addAll(node.results()));
    var inputs = new LinkedHashSet<Value>();
    for (var node : part) {
      for (var operand : node.inputs()) {
        if (!own.contains(operand) && !isSource(operand)) inputs.add(operand);
      }
    }
    var outputs = part.stream().flatMap(n -> n.results().stream()).filter(after::contains).toList();
    return new Cut(List.copyOf(inputs), outputs);
  }

  private boolean isSource(Value value) {
    var producer = graph.producer(value);
    return producer != null && isSource(producer);
  }

  private Step step(List<Node> part, Cut cut) {
    var first = part.getFirst();
    if (Kind.of(graph, first) == Kind.LOOP && first.op() instanceof Primitive op) {
      return Loops.of(op, first.results());
    }
    var g = new GraphBuilder();
    var replacement = new GraphBuilder.Replacement();
    for (var input : cut.inputs()) replacement.put(input, g.input(input.type()));
    for (var node : part) {
      for (var operand : node.inputs()) {
        var source = graph.producer(operand);
        if (source != null && isSource(source) && !replacement.contains(operand)) {
          replacement.put(operand, g.add(source.op()));
        }
      }
      if (node.results().stream().allMatch(replacement::contains)) continue;
      replacement.put(node, g.addAll(node.op(), replacement.get(node.inputs())));
    }
    var own = g.build(replacement.get(cut.outputs()));
    boolean reads = !cut.inputs().isEmpty(); // MXNet takes no graph without variables.
    return Kind.of(graph, first) == Kind.MXNET && reads ? new CachedOp(own) : new HostStep(own);
  }

  @Override
  public List<Array> run(List<Array> inputs) {
    var arrays = new HashMap<Value, Array>();
    for (int i = 0; i < inputs.size(); i++) arrays.put(graph.inputs().get(i), inputs.get(i));
    try (var owned = new Owned()) {
      for (var placed : steps) {
        var results = placed.step.run(placed.inputs.stream().map(v -> get(arrays, v)).toList());
        owned.add(results);
        for (int i = 0; i < results.size(); i++) {
          arrays.put(placed.outputs.get(i), results.get(i));
        }
        for (var value : placed.dead) owned.free(get(arrays, value));
      }
      var outputs = new ArrayList<Array>();
      for (var output : graph.outputs()) {
        var array = get(arrays, output);
        outputs.add(owned.give(array) ? array : owned.add(array.copy()));
      }
      return owned.give(outputs);
    }
  }

  private static Array get(Map<Value, Array> arrays, Value value) {
    var array = arrays.get(value);
    if (array == null) throw new IllegalStateException(value + " is not computed yet");
    return array;
  }

  @Override
  public String toString() {
    return steps.stream().map(placed -> placed.step.toString()).collect(Collectors.joining("\n"));
  }

  @Override
  public void free() {
    steps.forEach(placed -> placed.step.free());
  }
}
