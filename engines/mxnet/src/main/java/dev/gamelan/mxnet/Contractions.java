package dev.gamelan.mxnet;

import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/** Products, as products of batches of matrices. */
final class Contractions {
  private final Writer w;

  Contractions(Writer writer) {
    this.w = writer;
  }

  int dot(Term left, Term right, Primitive.DotGeneral op, TensorType result) {
    var leftFree = left.type().shape().otherAxes(union(op.leftBatch(), op.leftContracting()));
    var rightFree = right.type().shape().otherAxes(union(op.rightBatch(), op.rightContracting()));
    // [batch, contracting, free] only where the operand lies so already.
    boolean leftTurned = lies(left, List.of(op.leftBatch(), op.leftContracting(), leftFree));
    boolean rightTurned = lies(right, List.of(op.rightBatch(), rightFree, op.rightContracting()));
    int a =
        leftTurned
            ? matrices(left, op.leftBatch(), op.leftContracting(), leftFree)
            : matrices(left, op.leftBatch(), leftFree, op.leftContracting());
    int b =
        rightTurned
            ? matrices(right, op.rightBatch(), rightFree, op.rightContracting())
            : matrices(right, op.rightBatch(), op.rightContracting(), rightFree);
    int product = w.batchDot(a, b, leftTurned, rightTurned);
    product = w.reshape(product, Array.stored(result));
    return w.cast(product, wide(left.dtype()), result.dtype());
  }

  static DType wide(DType dtype) {
    return dtype == DType.F16 ? DType.F32 : dtype;
  }

  private static boolean lies(Term x, List<List<Integer>> groups) {
    var order = new ArrayList<Integer>();
    groups.forEach(order::addAll);
    return order.equals(x.type().shape().axes());
  }

  private int matrices(Term x, List<Integer> batch, List<Integer> rows, List<Integer> columns) {
    var order = union(union(batch, rows), columns);
    var shape = x.type().shape();
    int node = w.cast(w.whole(x), x.dtype(), wide(x.dtype()));
    if (!order.equals(shape.axes())) node = w.transpose(node, order);
    return w.reshape(
        node, shape.select(batch).size(), shape.select(rows).size(), shape.select(columns).size());
  }

  private static List<Integer> union(List<Integer> a, List<Integer> b) {
    var all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }
}
