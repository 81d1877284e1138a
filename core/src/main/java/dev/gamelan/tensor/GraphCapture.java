package dev.gamelan.tensor;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
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
  private final List<LazyNode> nodes = new ArrayList<>();
  private final Set<LazyNode> visited = new HashSet<>();

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
        case LazyNode done -> nodes.add(done);
        case LazyValue value -> {
          if (leaves.contains(value) || visited.contains(value.node())) continue;
          if (isLeaf.test(value)) {
            leaves.add(value);
            continue;
          }
          visited.add(value.node());
          work.push(value.node());
          for (var operand : value.node().operands.reversed()) work.push(operand.resolve());
        }
        default -> throw new IllegalStateException("only nodes and values are pushed");
      }
    }
  }

  /** The inputs of the graph, in order. */
  List<LazyValue> leaves() {
    return List.copyOf(leaves);
  }

  List<LazyNode> nodes() {
    return nodes;
  }

  /** The numbers of tensor arithmetic, which {@link #liftedGraph} has as last inputs. */
  List<Scalar> numbers() {
    return nodes.stream()
        .filter(node -> node.number)
        .map(GraphCapture::fill)
        .map(Primitive.Fill::value)
        .toList();
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
    for (var node : nodes) {
      if (lift && node.number) {
        lifted.put(node, g.input(new TensorType(fill(node).value().dtype(), Shape.scalar())));
      }
    }
    for (var node : nodes) {
      if (lifted.containsKey(node)) {
        var scalar = lifted.get(node);
        values.put(new LazyValue(node, 0), g.broadcastTo(scalar, node.types.getFirst().shape()));
        continue;
      }
      var operands = node.operands.stream().map(LazyValue::resolve).map(values::get).toList();
      var op = node.op;
      if (op == null) throw new IllegalStateException("a node without an op is a leaf");
      var results = g.addAll(op, operands);
      for (int i = 0; i < results.size(); i++) values.put(new LazyValue(node, i), results.get(i));
    }
    return g.build(outputs.stream().map(LazyValue::resolve).map(values::get).toList());
  }

  private static Primitive.Fill fill(LazyNode node) {
    if (node.op instanceof Primitive.Fill fill) return fill;
    throw new IllegalStateException("numbers are fills");
  }
}
