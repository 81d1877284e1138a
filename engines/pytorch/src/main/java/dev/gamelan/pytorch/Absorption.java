package dev.gamelan.pytorch;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which nodes of a graph are computed by the sum or difference that alone uses them: a product of
 * matrices to which a bias is added, and a pointwise product that is added or subtracted.
 */
final class Absorption {
  /** a·b + bias, the bias added to every row. */
  record Biased(Node product, Value bias) {}

  /** other ± factor · factor. */
  record Scaled(Node product, Value other) {}

  private final Graph graph;
  private final Map<Value, Integer> uses = new HashMap<>();
  private final Map<Integer, Biased> biased = new HashMap<>();
  private final Map<Integer, Scaled> scaled = new HashMap<>();
  private final Set<Integer> absorbed = new HashSet<>();

  Absorption(Graph graph) {
    this.graph = graph;
    for (var node : graph.nodes()) {
      for (var input : node.inputs()) uses.merge(input, 1, Integer::sum);
    }
    for (var output : graph.outputs()) uses.merge(output, 1, Integer::sum);
    graph.nodes().forEach(this::look);
  }

  boolean isAbsorbed(Node node) {
    return absorbed.contains(node.id());
  }

  Optional<Biased> biased(Node node) {
    return Optional.ofNullable(biased.get(node.id()));
  }

  Optional<Scaled> scaled(Node node) {
    return Optional.ofNullable(scaled.get(node.id()));
  }

  /** What {@code node} reads, and the nodes that it absorbs read. */
  List<Value> reads(Node node) {
    var reads = new ArrayList<Value>();
    for (var input : node.inputs()) {
      var producer = graph.producer(input);
      if (producer != null && isAbsorbed(producer)) reads.addAll(producer.inputs());
      else reads.add(input);
    }
    return reads;
  }

  private void look(Node node) {
    if (!(node.op() instanceof Primitive.Binary(var kind))) return;
    var dtype = node.result().type().dtype();
    // What is rounded once instead of twice must not be coarse.
    if (dtype != DType.F32 && dtype != DType.F64) return;
    if (kind != BinaryKind.ADD && kind != BinaryKind.SUB) return;
    for (int at = 1; at >= (kind == BinaryKind.ADD ? 0 : 1); at--) {
      var product = single(node.inputs().get(at));
      var other = node.inputs().get(1 - at);
      if (product == null || other.equals(node.inputs().get(at))) continue;
      if (product.op() instanceof Primitive.Binary(var inner) && inner == BinaryKind.MUL) {
        scaled.put(node.id(), new Scaled(product, other));
        absorbed.add(product.id());
        return;
      }
      if (kind == BinaryKind.ADD && product.op() instanceof Primitive.DotGeneral dot) {
        var bias = bias(other);
        if (bias == null || !isMatrixProduct(product, dot)) continue;
        biased.put(node.id(), new Biased(product, bias.inputs().getFirst()));
        absorbed.add(product.id());
        if (single(other) != null) absorbed.add(bias.id());
        return;
      }
    }
  }

  /** The node that computes {@code value} for one use. */
  private @Nullable Node single(Value value) {
    var producer = graph.producer(value);
    return producer == null || uses.getOrDefault(value, 0) != 1 || isAbsorbed(producer)
        ? null
        : producer;
  }

  /** The node that repeats a vector in every row. */
  private @Nullable Node bias(Value value) {
    var producer = graph.producer(value);
    boolean repeats =
        producer != null
            && producer.op() instanceof Primitive.BroadcastInDim(var shape, var axes)
            && axes.equals(List.of(shape.rank() - 1))
            && producer.inputs().getFirst().dim(0) == shape.dim(-1);
    return repeats ? producer : null;
  }

  private static boolean isMatrixProduct(Node node, Primitive.DotGeneral op) {
    var right = node.inputs().get(1).type();
    return op.leftBatch().isEmpty()
        && op.rightContracting().size() == right.rank() - 1
        && node.inputs().getFirst().type().dtype() == op.result();
  }
}
