package dev.gamelan.tensor;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Lazy nodes as a canonical graph: leaves become inputs in the order in which they are met, so that
 * programs built alike give equal graphs.
 */
final class GraphCapture {
  private final Predicate<LazyValue> isLeaf;
  private final Set<LazyValue> leaves = new LinkedHashSet<>();
  private final List<Step> steps = new ArrayList<>();
  private final Set<LazyNode> visited = new HashSet<>();

  /** A node as it was when it was met: another thread may evaluate it and cut its history. */
  private record Step(LazyNode node, Op op, List<LazyValue> operands) {}

  /** {@code isLeaf} says where the walk down from the targets ends. */
  GraphCapture(Predicate<LazyValue> isLeaf) {
    this.isLeaf = isLeaf;
  }

  /** Makes {@code value} the next input whether anything depends on it or not. */
  void addLeaf(LazyValue value) {
    leaves.add(value);
  }

  /** Adds what {@code target} depends on; without recursion, since graphs are deep. */
  void add(LazyValue target) {
    var work = new ArrayDeque<Object>();
    work.push(target.resolve());
    while (!work.isEmpty()) {
      switch (work.pop()) {
        case Step done -> steps.add(done);
        case LazyValue value -> {
          if (leaves.contains(value) || visited.contains(value.node())) continue;
          if (isLeaf.test(value)) {
            leaves.add(value);
            continue;
          }
          visited.add(value.node());
          var op = value.node().op;
          if (op == null) throw new IllegalStateException("a node without an op is a leaf");
          var operands = value.node().operands.stream().map(LazyValue::resolve).toList();
          work.push(new Step(value.node(), op, operands));
          operands.reversed().forEach(work::push);
        }
        default -> throw new IllegalStateException("only steps and values are pushed");
      }
    }
  }

  /** The inputs of the graph, in order. */
  List<LazyValue> leaves() {
    return List.copyOf(leaves);
  }

  List<LazyNode> nodes() {
    return steps.stream().map(Step::node).toList();
  }

  /** The numbers of tensor arithmetic, which {@link #liftedGraph} has as last inputs. */
  List<Scalar> numbers() {
    return steps.stream().filter(step -> step.node().number).map(GraphCapture::number).toList();
  }

  Graph graph(List<LazyValue> outputs) {
    return build(outputs, false, new HashMap<>());
  }

  /** As {@link #graph}, also giving which value stands for which. */
  Graph graph(List<LazyValue> outputs, Map<LazyValue, Value> values) {
    return build(outputs, false, values);
  }

  Graph liftedGraph(List<LazyValue> outputs) {
    return build(outputs, true, new HashMap<>());
  }

  private Graph build(List<LazyValue> outputs, boolean lift, Map<LazyValue, Value> values) {
    // Inputs first, so that the builder's values are numbered as the graph's.
    var g = new GraphBuilder();
    for (var leaf : leaves) values.put(leaf, g.input(leaf.type()));
    var lifted = new HashMap<LazyNode, Value>();
    for (var step : steps) {
      if (lift && step.node().number) {
        lifted.put(step.node(), g.input(new TensorType(number(step).dtype(), Shape.scalar())));
      }
    }
    for (var step : steps) {
      var node = step.node();
      if (lifted.containsKey(node)) {
        var scalar = lifted.get(node);
        values.put(new LazyValue(node, 0), g.broadcastTo(scalar, node.types.getFirst().shape()));
        continue;
      }
      var results = g.addAll(step.op(), step.operands().stream().map(values::get).toList());
      for (int i = 0; i < results.size(); i++) values.put(new LazyValue(node, i), results.get(i));
    }
    return g.build(outputs.stream().map(LazyValue::resolve).map(values::get).toList());
  }

  private static Scalar number(Step step) {
    if (step.op() instanceof Primitive.Fill fill) return fill.value();
    throw new IllegalStateException("numbers are fills");
  }
}
