package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Lets what is computed from the pictures that convolutions write go over them as they lie: with
 * the channels last. Each such value has a twin [n, spatial…, c]; transposes between the two are
 * views, and only what stays in the order of channels moves. A convolution that looks at one pixel
 * at a time is a product of such a twin, which becomes a dot_general where that is faster.
 */
final class ChannelsLast {
  private final Graph graph;
  private final GraphBuilder g = new GraphBuilder();
  private final Map<Value, Value> plain = new HashMap<>();
  private final Map<Value, Value> twins = new HashMap<>();

  /** Which convolutions of one pixel at a time are to be products of matrices. */
  private final Predicate<Node> multiplied;

  private ChannelsLast(Graph graph, Predicate<Node> multiplied) {
    this.graph = graph;
    this.multiplied = multiplied;
  }

  /**
   * @param multiplied of the convolutions that look at one pixel at a time, those that become
   *     products of a matrix, with a row for each pixel, and the filter
   */
  static Graph apply(Graph graph, Predicate<Node> multiplied) {
    if (graph.nodes().stream().noneMatch(node -> writesPicture(node.op()))) return graph;
    return new ChannelsLast(graph, multiplied).rewritten();
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
    if (node.op() instanceof Primitive.Convolution op
        && seesOnePixel(op, node.inputs().get(1).shape())
        && multiplied.test(node)) {
      twins.put(node.result(), product(node, op));
      return;
    }
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

  private static boolean seesOnePixel(Primitive.Convolution op, Shape filter) {
    var window = op.window();
    return op.groups() == 1
        && filter.range(2, filter.rank()).size() == 1
        && window.low().stream().allMatch(padding -> padding == 0)
        && window.high().stream().allMatch(padding -> padding == 0);
  }

  private Value product(Node node, Primitive.Convolution op) {
    var x = twin(node.inputs().get(0));
    var filter = plain(node.inputs().get(1));
    if (op.window().strides().stream().anyMatch(stride -> stride > 1)) {
      var strides = new ArrayList<>(op.window().strides());
      strides.addFirst(1L);
      strides.addLast(1L);
      var none = Collections.nCopies(x.rank(), 0L);
      x = g.add(new Primitive.Slice(none, x.shape().toList(), strides), x);
    }
    var matrix = g.reshape(filter, Shape.of(filter.dim(0), filter.dim(1)));
    var dot =
        new Primitive.DotGeneral(
            List.of(), List.of(), List.of(x.rank() - 1), List.of(1), op.result());
    return g.add(dot, x, matrix);
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
