package dev.gamelan.onnx.read;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/** Determinants by Gaussian elimination with partial pivoting, unrolled over the rows. */
final class Determinant {
  private Determinant() {}

  /** Of matrices [.., n, n]; gives [..]. */
  static Value of(GraphBuilder g, Value matrices) {
    long size = matrices.dim(-1);
    var batch = matrices.shape().range(0, matrices.rank() - 2);
    long count = batch.size();
    var rest = g.reshape(matrices, Shape.of(count, size, size));
    var det = g.fill(rest.type().with(Shape.of(count)), 1);
    for (long left = size; left > 0; left--) {
      var column = g.reshape(g.slice(rest, 2, 0, 1), Shape.of(count, left));
      var pivotRow =
          g.add(new Primitive.ArgReduce(ArgKind.MAX, 1, DType.I32), g.unary(UnaryKind.ABS, column));
      // The pivot's row, and the others with the first in its place.
      var rows = TensorType.of(DType.I32, count, left);
      var at = g.broadcastInDim(pivotRow, rows.shape(), List.of(0));
      var isPivot = g.compare(CompareKind.EQ, g.iota(rows, 1), at);
      var mask = g.broadcastInDim(isPivot, rest.shape(), List.of(0, 1));
      var zero = g.zerosLike(rest);
      var pivot = g.sum(g.select(mask, rest, zero), List.of(1));
      var first = g.slice(rest, 1, 0, 1);
      var swapped = g.select(mask, g.broadcastTo(first, rest.shape()), rest);
      var head = g.reshape(g.slice(pivot, 1, 0, 1), Shape.of(count));
      det = g.mul(det, head);
      // A row that moved turns the sign.
      var moved = g.compare(CompareKind.NE, pivotRow, g.zerosLike(pivotRow));
      det = g.select(moved, g.neg(det), det);
      if (left == 1) break;
      var below = g.slice(swapped, 1, 1, left);
      var singular = g.compare(CompareKind.EQ, head, 0);
      var divisor = g.select(singular, g.fill(head.type(), 1), head);
      var factor =
          g.div(
              g.slice(below, 2, 0, 1),
              g.broadcastInDim(divisor, Shape.of(count, left - 1, 1), List.of(0)));
      var pivotRows = g.reshape(pivot, Shape.of(count, 1, left));
      rest = g.slice(g.sub(below, g.mul(factor, pivotRows)), 2, 1, left);
    }
    return g.reshape(det, batch);
  }
}
