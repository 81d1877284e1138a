package dev.gamelan.tensorflow;

import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/** Products, as matrices or batches of them: an operand that lies turned is read so. */
final class Contractions {
  private final Writer w;

  Contractions(Writer writer) {
    this.w = writer;
  }

  String dot(Term left, Term right, Primitive.DotGeneral op, TensorType result) {
    var dtype = operands(left.dtype(), op.result());
    var leftFree = left.type().shape().otherAxes(joined(op.leftBatch(), op.leftContracting()));
    var rightFree = right.type().shape().otherAxes(joined(op.rightBatch(), op.rightContracting()));
    boolean leftTurned = lies(left, op.leftBatch(), op.leftContracting(), leftFree);
    boolean rightTurned = lies(right, op.rightBatch(), rightFree, op.rightContracting());
    var a =
        leftTurned
            ? matrices(left, dtype, op.leftBatch(), op.leftContracting(), leftFree)
            : matrices(left, dtype, op.leftBatch(), leftFree, op.leftContracting());
    var b =
        rightTurned
            ? matrices(right, dtype, op.rightBatch(), rightFree, op.rightContracting())
            : matrices(right, dtype, op.rightBatch(), op.rightContracting(), rightFree);
    var product =
        op.leftBatch().isEmpty()
            ? w.op(
                "MatMul",
                Attributes.of(dtype)
                    .flag("transpose_a", leftTurned)
                    .flag("transpose_b", rightTurned),
                a,
                b)
            : w.op(
                "BatchMatMulV2",
                Attributes.of(dtype).flag("adj_x", leftTurned).flag("adj_y", rightTurned),
                a,
                b);
    int batch = op.leftBatch().isEmpty() ? 0 : 1;
    boolean plain = batch == 0 && leftFree.size() == 1 && rightFree.size() == 1;
    if (!plain) product = w.reshape(product, dtype, result.shape());
    return w.cast(product, dtype, op.result());
  }

  /** In which the product is computed. */
  private static DType operands(DType dtype, DType result) {
    return dtype == DType.F16 ? DType.F32 : result;
  }

  private static boolean lies(Term x, List<Integer> batch, List<Integer> rows, List<Integer> last) {
    return joined(joined(batch, rows), last).equals(x.type().shape().axes());
  }

  /** [batch, rows, columns], without the batch where there is none. */
  private String matrices(
      Term x, DType dtype, List<Integer> batch, List<Integer> rows, List<Integer> columns) {
    var shape = x.type().shape();
    var node = w.cast(w.whole(x), x.dtype(), dtype);
    node = w.transpose(node, dtype, joined(joined(batch, rows), columns));
    long height = shape.select(rows).size();
    long width = shape.select(columns).size();
    if (batch.isEmpty()) {
      boolean matrix = rows.size() == 1 && columns.size() == 1;
      return matrix ? node : w.reshape(node, dtype, Shape.of(height, width));
    }
    boolean matrices = batch.size() == 1 && rows.size() == 1 && columns.size() == 1;
    return matrices
        ? node
        : w.reshape(node, dtype, Shape.of(shape.select(batch).size(), height, width));
  }

  private static List<Integer> joined(List<Integer> a, List<Integer> b) {
    var all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }
}
