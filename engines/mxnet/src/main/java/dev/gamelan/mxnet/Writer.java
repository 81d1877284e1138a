package dev.gamelan.mxnet;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The ops that all families write. */
final class Writer {
  private final Symbol symbol;

  Writer(Symbol symbol) {
    this.symbol = symbol;
  }

  Symbol symbol() {
    return symbol;
  }

  int op(String op, int... operands) {
    return symbol.op(op, operands);
  }

  int op(String op, Map<String, ?> attributes, int... operands) {
    return symbol.op(op, attributes, operands);
  }

  /** A node of the value's whole shape. */
  int whole(Term x) {
    var shape = Array.stored(x.type());
    if (x.isWhole()) return x.node();
    int node = x.number() == null ? x.node() : number(x.number(), shape.rank());
    return shape.size() == 1 ? node : broadcast(node, shape);
  }

  /** A node that broadcasts to the value's shape. */
  int narrow(Term x) {
    return x.number() == null ? x.node() : number(x.number(), Array.stored(x.type()).rank());
  }

  int number(Scalar value, int rank) {
    var ones = Collections.nCopies(rank, 1L);
    var type = new TensorType(value.dtype(), Shape.of(ones));
    return symbol.constant(Literal.of(type, List.of(value)));
  }

  int number(DType dtype, double value, int rank) {
    return number(Scalar.of(dtype, value), rank);
  }

  int broadcast(int node, Shape shape) {
    return op("broadcast_to", Map.of("shape", Symbol.tuple(shape.toList())), node);
  }

  int reshape(int node, Shape shape) {
    return op("Reshape", Map.of("shape", Symbol.tuple(shape.toList())), node);
  }

  int reshape(int node, long... dims) {
    return reshape(node, Shape.of(dims));
  }

  int transpose(int node, List<Integer> permutation) {
    return op("transpose", Map.of("axes", Symbol.tuple(permutation)), node);
  }

  int cast(int node, DType from, DType to) {
    return from == to ? node : op("Cast", Map.of("dtype", DataTypes.name(to)), node);
  }

  /** Along one axis, from {@code start} to {@code limit}. */
  int slice(int node, int axis, long start, long limit) {
    return op("slice_axis", Map.of("axis", axis, "begin", start, "end", limit), node);
  }

  int concatenate(int axis, int... parts) {
    if (parts.length == 1) return parts[0];
    return op("Concat", Map.of("dim", axis, "num_args", parts.length), parts);
  }

  int zeros(Shape shape, DType dtype) {
    return op(
        "_zeros", Map.of("shape", Symbol.tuple(shape.toList()), "dtype", DataTypes.name(dtype)));
  }

  /** [A, M, K] · [A, K, N], in the op that oneDNN computes. */
  int batchDot(int left, int right, boolean transposeLeft, boolean transposeRight) {
    return op(
        "batch_dot",
        Map.of(
            "transpose_a", transposeLeft ? "True" : "False",
            "transpose_b", transposeRight ? "True" : "False"),
        left,
        right);
  }

  int sum(int node, int axis) {
    return op("sum", Map.of("axis", axis), node);
  }

  static Shape ones(int rank) {
    var dims = new long[rank];
    Arrays.fill(dims, 1);
    return Shape.of(dims);
  }
}
