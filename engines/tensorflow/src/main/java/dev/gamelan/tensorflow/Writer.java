package dev.gamelan.tensorflow;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.IntStream;

/** The ops that all families write. */
final class Writer {
  private final GraphWriter graph;

  Writer(GraphWriter graph) {
    this.graph = graph;
  }

  String op(String op, Attributes attributes, String... operands) {
    return graph.op(op, attributes, operands);
  }

  /** An op whose only attribute without a default is the dtype of its operands. */
  String op(String op, DType dtype, String... operands) {
    return graph.op(op, Attributes.of(dtype), operands);
  }

  // ---- terms

  /** A node of the value's whole shape. */
  String whole(Term x) {
    if (x.number() != null) return fill(x.number(), x.type().shape());
    var node = narrow(x);
    return x.isWhole() ? node : broadcast(node, x.dtype(), x.type().shape());
  }

  /** A node that broadcasts to the value's shape, its axes in order. */
  String narrow(Term x) {
    if (x.number() != null) return number(x.number());
    return x.channelsLast()
        ? transpose(x.node(), x.dtype(), channelsSecond(x.type().rank()))
        : x.node();
  }

  /** A node that broadcasts to the value's shape with its channels last. */
  String channelsLast(Term x) {
    if (x.number() != null) return number(x.number());
    if (x.channelsLast()) return x.node();
    var order = channelsLast(x.type().rank());
    var stored = x.stored();
    return stored.dim(1) == 1 || stored.size() == stored.dim(1)
        ? reshape(x.node(), x.dtype(), stored.select(order))
        : transpose(x.node(), x.dtype(), order);
  }

  /** The axes of [N, C, spatial…] as [N, spatial…, C]. */
  static List<Integer> channelsLast(int rank) {
    var order = new ArrayList<Integer>();
    order.add(0);
    for (int i = 2; i < rank; i++) order.add(i);
    order.add(1);
    return order;
  }

  private static List<Integer> channelsSecond(int rank) {
    var order = new ArrayList<Integer>();
    order.add(0);
    order.add(rank - 1);
    for (int i = 1; i < rank - 1; i++) order.add(i);
    return order;
  }

  // ---- constants

  String number(Scalar value) {
    return graph.constant(Literal.of(TensorType.of(value.dtype()), List.of(value)));
  }

  String number(DType dtype, double value) {
    return number(Scalar.of(dtype, value));
  }

  String number(DType dtype, long value) {
    return number(Scalar.of(dtype, value));
  }

  /** A vector, i64. */
  String vector(Collection<Long> numbers) {
    var type = TensorType.of(DType.I64, numbers.size());
    return graph.constant(
        Literal.of(type, numbers.stream().map(n -> Scalar.of(DType.I64, n)).toList()));
  }

  /** A vector, i32: axes, or sizes. */
  String axes(Collection<Integer> axes) {
    var type = TensorType.of(DType.I32, axes.size());
    return graph.constant(
        Literal.of(type, axes.stream().map(n -> Scalar.of(DType.I32, (long) n)).toList()));
  }

  String axis(int axis) {
    return number(DType.I32, (long) axis);
  }

  /** The first {@code count} multiples of {@code step}, i64. */
  String range(long count, long step) {
    return op(
        "Range",
        Attributes.none().type("Tidx", DType.I64),
        number(DType.I64, 0L),
        number(DType.I64, count * step),
        number(DType.I64, step));
  }

  // ---- movement

  String fill(Scalar value, Shape shape) {
    if (shape.rank() == 0) return number(value);
    var attributes = Attributes.of(value.dtype()).type("index_type", DType.I64);
    return op("Fill", attributes, vector(shape.toList()), number(value));
  }

  String broadcast(String node, DType dtype, Shape shape) {
    var attributes = Attributes.of(dtype).type("Tidx", DType.I64);
    return op("BroadcastTo", attributes, node, vector(shape.toList()));
  }

  String reshape(String node, DType dtype, Shape shape) {
    var attributes = Attributes.of(dtype).type("Tshape", DType.I64);
    return op("Reshape", attributes, node, vector(shape.toList()));
  }

  String transpose(String node, DType dtype, List<Integer> permutation) {
    boolean same = IntStream.range(0, permutation.size()).allMatch(i -> permutation.get(i) == i);
    return same ? node : op("Transpose", Attributes.of(dtype), node, axes(permutation));
  }

  String cast(String node, DType from, DType to) {
    if (from == to) return node;
    return op("Cast", Attributes.none().type("SrcT", from).type("DstT", to), node);
  }

  String slice(String node, DType dtype, List<Long> starts, List<Long> sizes) {
    var attributes = Attributes.of(dtype).type("Index", DType.I64);
    return op("Slice", attributes, node, vector(starts), vector(sizes));
  }
}
