package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Lets what is computed from the pictures that convolutions write go over them as they lie: with
 * the channels last. Each such value has a twin [n, spatial…, c]; transposes between the two are
 * views, and only what stays in the order of channels moves.
 */
final class ChannelsLast {
  private final Graph graph;
  private final GraphBuilder g = new GraphBuilder();
  private final Map<Value, Value> plain = new HashMap<>();
  private final Map<Value, Value> twins = new HashMap<>();

  private ChannelsLast(Graph graph) {
    this.graph = graph;
  }

  static Graph apply(Graph graph) {
    if (graph.nodes().stream().noneMatch(node -> writesPicture(node.op()))) return graph;
    return new ChannelsLast(graph).rewritten();
  }

  private static boolean writesPicture(Op op) {
    return op instanceof Primitive.Convolution || op instanceof Primitive.ConvolutionInputGradient;
  }

  private Graph rewritten() {
    for (var input : graph.inputs()) plain.put(input, g.input(input.type()));
    for (var node : graph.nodes()) visit(node);
    return g.build(graph.outputs().stream().map(this::plain).toList());
  }

  private void visit(Node node) {
    if (writesPicture(node.op())) {
      var picture = g.addAll(node.op(), node.inputs().stream().map(this::plain).toList());
      plain.put(node.result(), picture.getFirst());
      twins.put(node.result(), g.transpose(picture.getFirst(), toLast(picture.getFirst().rank())));
      return;
    }
    if (node.inputs().stream().noneMatch(twins::containsKey)) {
      keep(node);
      return;
    }
    switch (node.op()) {
      case Primitive.Unary op -> twin(node, op);
      case Primitive.Binary op -> twin(node, op);
      case Primitive.Compare op -> twin(node, op);
      case Primitive.Select op -> twin(node, op);
      case Primitive.Convert op -> twin(node, op);
      case Primitive.Concatenate op ->
          twin(node, new Primitive.Concatenate(toLast(node.result().rank()).indexOf(op.axis())));
      case Primitive.Slice op ->
          twin(
              node,
              new Primitive.Slice(turned(op.starts()), turned(op.limits()), turned(op.strides())));
      case Primitive.Pad op -> pad(node, op);
      case Primitive.Reduce op -> reduce(node, op);
      default -> keep(node);
    }
  }

  private void keep(Node node) {
    var results = g.addAll(node.op(), node.inputs().stream().map(this::plain).toList());
    for (int i = 0; i < results.size(); i++) plain.put(node.results().get(i), results.get(i));
  }

  private void twin(Node node, Op op) {
    var operands = node.inputs().stream().map(this::twin).toList();
    twins.put(node.result(), g.addAll(op, operands).getFirst());
  }

  private void pad(Node node, Primitive.Pad op) {
    var turned = new Primitive.Pad(turned(op.low()), turned(op.high()), turned(op.interior()));
    var operands = List.of(twin(node.inputs().get(0)), plain(node.inputs().get(1)));
    twins.put(node.result(), g.addAll(turned, operands).getFirst());
  }

  private void reduce(Node node, Primitive.Reduce op) {
    var x = twin(node.inputs().getFirst());
    var order = toLast(x.rank());
    var axes = op.axes().stream().map(order::indexOf).sorted().toList();
    var reduced = g.add(new Primitive.Reduce(op.kind(), axes), x);
    // What is left is in the order of the twin's axes.
    var left = order.stream().filter(axis -> !op.axes().contains(axis)).toList();
    var sorted = left.stream().sorted().toList();
    plain.put(
        node.result(),
        left.equals(sorted)
            ? reduced
            : g.transpose(reduced, sorted.stream().map(left::indexOf).toList()));
  }

  private Value plain(Value value) {
    return plain.computeIfAbsent(value, v -> g.transpose(known(twins, v), toFirst(v.rank())));
  }

  private Value twin(Value value) {
    return twins.computeIfAbsent(value, v -> g.transpose(known(plain, v), toLast(v.rank())));
  }

  private static Value known(Map<Value, Value> values, Value value) {
    var found = values.get(value);
    if (found == null) throw new IllegalStateException(value + " is of another graph");
    return found;
  }

  /** The permutation 0, 2, 3, …, 1. */
  static List<Integer> toLast(int rank) {
    var order = IntStream.range(2, rank).boxed();
    return Stream.of(Stream.of(0), order, Stream.of(1)).flatMap(axes -> axes).toList();
  }

  /** And back: 0, rank − 1, 1, 2, … */
  static List<Integer> toFirst(int rank) {
    var order = IntStream.range(1, rank - 1).boxed();
    return Stream.of(Stream.of(0, rank - 1), order).flatMap(axes -> axes).toList();
  }

  private static List<Long> turned(List<Long> values) {
    return toLast(values.size()).stream().map(values::get).toList();
  }
}
