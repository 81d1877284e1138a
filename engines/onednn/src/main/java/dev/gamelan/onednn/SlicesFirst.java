package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.DeadNodeElimination;
import dev.gamelan.pass.Rewrite;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * A slice of a sum is the sum of slices: pointwise values that are only read in pieces, such as the
 * gates of a recurrent layer, are computed piece by piece, so that a kernel that reads the pieces
 * can have them in registers.
 */
final class SlicesFirst {
  private final Graph graph;
  private final Map<Value, List<Node>> users = new HashMap<>();
  private final Set<Value> outputs;

  /** What is computed in pieces. */
  private final Set<Value> cut = new HashSet<>();

  /** What stands for each value that is not. */
  private final Map<Value, Value> whole = new HashMap<>();

  private SlicesFirst(Graph graph) {
    this.graph = graph;
    this.outputs = Set.copyOf(graph.outputs());
    for (var node : graph.nodes()) {
      for (var input : Set.copyOf(node.inputs())) {
        users.computeIfAbsent(input, v -> new ArrayList<>()).add(node);
      }
    }
    for (var node : graph.nodes().reversed()) {
      if (isPointwise(node) && isReadInPieces(node.result())) cut.add(node.result());
    }
  }

  static Graph apply(Graph graph) {
    if (graph.nodes().stream().noneMatch(node -> node.op() instanceof Primitive.Slice)) {
      return graph;
    }
    var pass = new SlicesFirst(graph);
    return pass.cut.isEmpty() ? graph : new DeadNodeElimination().apply(pass.rewritten());
  }

  private List<Node> users(Value value) {
    return users.getOrDefault(value, List.of());
  }

  private static boolean isPointwise(Node node) {
    return node.results().size() == 1
        && node.inputs().stream().allMatch(x -> x.shape().equals(node.result().shape()))
        && Pointwise.supports(
            node.op(), node.inputs().stream().map(Value::type).toList(), node.result().type());
  }

  /** Whether it is read by pointwise nodes alone, through slices that do not overlap in sum. */
  private boolean isReadInPieces(Value value) {
    var readers = users(value);
    if (readers.isEmpty() || outputs.contains(value)) return false;
    boolean once = readers.size() == 1;
    if (once && readers.getFirst().results().stream().anyMatch(cut::contains)) return true;
    long read = 0;
    for (var reader : readers) {
      if (!(reader.op() instanceof Primitive.Slice)) return false;
      var piece = reader.result();
      boolean fuses =
          !users(piece).isEmpty() && users(piece).stream().allMatch(SlicesFirst::isPointwise);
      if (!fuses || outputs.contains(piece)) return false;
      read += piece.type().size();
    }
    return read <= value.type().size();
  }

  private Graph rewritten() {
    return Rewrite.of(
        graph,
        (g, node, operands) -> {
          for (int i = 0; i < operands.size(); i++) {
            whole.put(node.inputs().get(i), operands.get(i));
          }
          return node.op() instanceof Primitive.Slice slice
              ? List.of(piece(g, node.inputs().getFirst(), slice))
              : g.addNode(node.op(), operands, node).results();
        });
  }

  /** The slice of {@code value}, computed from slices where it is cut. */
  private Value piece(GraphBuilder g, Value value, Primitive.Slice slice) {
    var pieces = new HashMap<Value, Value>();
    for (var node : cutFor(value)) {
      var operands = node.inputs().stream().map(x -> slice(g, x, slice, pieces)).toList();
      pieces.put(node.result(), g.addAll(node.op(), operands).getFirst());
    }
    return slice(g, value, slice, pieces);
  }

  private Value slice(
      GraphBuilder g, Value value, Primitive.Slice slice, Map<Value, Value> pieces) {
    var known = pieces.get(value);
    if (known != null) return known;
    var piece = g.add(slice, Objects.requireNonNull(whole.get(value)));
    pieces.put(value, piece);
    return piece;
  }

  /** The nodes whose results are cut and lead to {@code value}, in their order. */
  private Collection<Node> cutFor(Value value) {
    var found = new TreeMap<Integer, Node>();
    var stack = new ArrayDeque<Value>();
    stack.push(value);
    while (!stack.isEmpty()) {
      var top = stack.pop();
      var producer = graph.producer(top);
      if (producer == null || !cut.contains(top)) continue;
      if (found.put(producer.id(), producer) == null) producer.inputs().forEach(stack::push);
    }
    return found.values();
  }
}
