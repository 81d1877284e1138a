package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.DeadNodeElimination;
import dev.gamelan.pass.Rewrite;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What is only read transposed is computed so: a product with its operands in the other order, as
 * of weights' gradients; a concatenation of transposed pieces, as of the gradients of queries, keys
 * and values, which are then written where they are read.
 */
final class TransposesFirst {
  private final Graph graph;
  private final Predicate<Value> lasts;
  private final Map<Value, Integer> readers = new HashMap<>();
  private final Map<Value, Node> producers = new HashMap<>();

  private TransposesFirst(Graph graph, Predicate<Value> lasts) {
    this.graph = graph;
    this.lasts = lasts;
    for (var node : graph.nodes()) node.inputs().forEach(this::count);
    graph.outputs().forEach(this::count);
  }

  private void count(Value value) {
    readers.merge(value, 1, Integer::sum);
  }

  /**
   * @param lasts which inputs are weights that are packed as the right operand of a product
   */
  static Graph apply(Graph graph, Predicate<Value> lasts) {
    var pass = new TransposesFirst(graph, lasts);
    return graph.nodes().stream().anyMatch(pass::isFirst)
        ? new DeadNodeElimination().apply(pass.rewritten())
        : graph;
  }

  /** Whether {@code node} transposes what could be computed so, and is not read by others. */
  private boolean isFirst(Node node) {
    if (!(node.op() instanceof Primitive.Transpose transpose)) return false;
    var x = node.inputs().getFirst();
    var producer = graph.producer(x);
    if (producer == null || readers.getOrDefault(x, 0) > 1) return false;
    return switch (producer.op()) {
      case Primitive.DotGeneral dot -> isSwapped(dot, producer, transpose);
      case Primitive.Concatenate concatenate -> keepsRows(transpose);
      default -> false;
    };
  }

  private Graph rewritten() {
    return Rewrite.of(
        graph,
        (g, node, operands) -> {
          if (isFirst(node)) return List.of(transposed(g, node, operands.getFirst()));
          var added = g.addNode(node.op(), operands, node);
          added.results().forEach(result -> producers.put(result, added));
          return added.results();
        });
  }

  private Value transposed(GraphBuilder g, Node node, Value x) {
    var permutation = ((Primitive.Transpose) node.op()).permutation();
    var producer = Objects.requireNonNull(producers.get(x));
    return switch (producer.op()) {
      case Primitive.DotGeneral dot ->
          g.add(
              new Primitive.DotGeneral(
                  dot.rightBatch(),
                  dot.leftBatch(),
                  dot.rightContracting(),
                  dot.leftContracting(),
                  dot.result()),
              producer.inputs().get(1),
              producer.inputs().get(0));
      case Primitive.Concatenate concatenate ->
          g.concatenate(
              permutation.indexOf(concatenate.axis()),
              producer.inputs().stream().map(piece -> g.transpose(piece, permutation)).toList());
      default -> throw new IllegalStateException(producer.op().name());
    };
  }

  /** Whether the transpose brings the axes of the right operand before those of the left one. */
  private boolean isSwapped(Primitive.DotGeneral dot, Node node, Primitive.Transpose transpose) {
    var left = node.inputs().get(0);
    var right = node.inputs().get(1);
    int batch = dot.leftBatch().size();
    int leftEnd = left.rank() - dot.leftContracting().size();
    int end = transpose.permutation().size();
    var swapped =
        Stream.of(
                IntStream.range(0, batch),
                IntStream.range(leftEnd, end),
                IntStream.range(batch, leftEnd))
            .flatMap(IntStream::boxed)
            .toList();
    return transpose.permutation().equals(swapped)
        && left.type().dtype() == right.type().dtype()
        && !areWeights(right);
  }

  /** Whether {@code value} is a lasting input, perhaps moved or converted. */
  private boolean areWeights(Value value) {
    var source = value;
    var producer = graph.producer(source);
    while (producer != null && producer.inputs().size() == 1) {
      source = producer.inputs().getFirst();
      producer = graph.producer(source);
    }
    return producer == null && lasts.test(source);
  }

  private static boolean keepsRows(Primitive.Transpose transpose) {
    int last = transpose.permutation().size() - 1;
    return transpose.permutation().getLast() == last;
  }
}
