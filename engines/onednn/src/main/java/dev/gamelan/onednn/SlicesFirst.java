package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.DeadNodeElimination;
import dev.gamelan.pass.Rewrite;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

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
    if (readers.size() == 1 && cut.contains(readers.getFirst().results().getFirst())) return true;
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
          for (int i = 0; i < operands.size(); i++)
            whole.put(node.inputs().get(i), operands.get(i));
          return node.op() instanceof Primitive.Slice slice
              ? List.of(piece(g, node.inputs().getFirst(), slice))
              : g.addNode(node.op(), operands, node).results();
        });
  }

  private Value piece(GraphBuilder g, Value value, Primitive.Slice slice) {
    var producer = graph.producer(value);
    if (producer == null || !cut.contains(value))
      return g.add(slice, Objects.requireNonNull(whole.get(value)));
    var pieces = producer.inputs().stream().map(input -> piece(g, input, slice)).toList();
    return g.addAll(producer.op(), pieces).getFirst();
  }
}
