package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.onednn.dnnl.Layout;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Turns dot_general into oneDNN's matmul of [batch, m, k] with [batch, k, n]. Transposed operands
 * are strides; only what no strides describe is copied. The work is divided along the batch, else
 * along n or m, whichever is longer.
 */
final class DotLowering {
  /** Multiply-adds below which waking another thread does not pay. */
  private static final double WORTH_SHARING = 250_000;

  private static final int BATCH = 0;
  private static final int ROWS = 1;
  private static final int COLUMNS = 2;

  /** An operand as [batch, rows, columns]. */
  private record Matrix(Storage storage, long offset, List<Long> dims, List<Long> strides) {}

  private final Lowering lowering;
  private final Kernels kernels;
  private final Node node;
  private final Primitive.DotGeneral op;

  DotLowering(Lowering lowering, Kernels kernels, Node node, Primitive.DotGeneral op) {
    this.lowering = lowering;
    this.kernels = kernels;
    this.node = node;
    this.op = op;
  }

  /** The step; empty where oneDNN has no fast implementation. */
  Optional<Step> lower() {
    var left = node.inputs().get(0);
    var right = node.inputs().get(1);
    boolean nothing = left.type().size() == 0 || right.type().size() == 0;
    if (nothing || !supported(left.type().dtype(), right.type().dtype())) return Optional.empty();
    var leftFree = free(left.shape(), op.leftBatch(), op.leftContracting());
    var rightFree = free(right.shape(), op.rightBatch(), op.rightContracting());
    long m = left.shape().select(leftFree).size();
    long n = right.shape().select(rightFree).size();
    long batch = left.shape().select(op.leftBatch()).size();
    // Layouts first: without an implementation nothing may be copied for it.
    var a = matrix(lowering.view(left), List.of(op.leftBatch(), leftFree, op.leftContracting()));
    var b =
        matrix(lowering.view(right), List.of(op.rightBatch(), op.rightContracting(), rightFree));
    var result = lowering.place(node.result());
    var c = new Matrix(result, 0, List.of(batch, m, n), List.of(m * n, n, 1L));
    var parts = new ArrayList<DnnlStep.Part>();
    int axis = divided(a, c);
    int count = count(a, c, axis);
    long size = c.dims.get(axis);
    long each = Math.ceilDiv(size, count);
    if (axis == COLUMNS) each = Math.ceilDiv(each, 16L) * 16;
    for (long from = 0; from < size; from += each) {
      var part = part(a, b, c, axis, from, Math.min(size, from + each));
      if (part.isEmpty()) return Optional.empty();
      parts.add(part.get());
    }
    return Optional.of(
        new DnnlStep(
            parts,
            "dot %s %d × [%d,%d] × [%d,%d]"
                .formatted(left.type().dtype(), batch, m, a.dims.get(2), a.dims.get(2), n)));
  }

  private boolean supported(DType left, DType right) {
    if (op.result() == DType.I32 && left != DType.I32) {
      return right == DType.I8; // Weights are signed; src may be either.
    }
    return left == right && (left == DType.F32 || left == DType.BF16);
  }

  private static List<Integer> free(Shape shape, List<Integer> batch, List<Integer> contracting) {
    return IntStream.range(0, shape.rank())
        .filter(axis -> !batch.contains(axis) && !contracting.contains(axis))
        .boxed()
        .toList();
  }

  /** The operand with each group of axes as one; copied where that takes no strides. */
  private Matrix matrix(View view, List<List<Integer>> groups) {
    var order = groups.stream().flatMap(List::stream).toList();
    var ordered = view.transpose(order);
    var dims = groups.stream().map(group -> view.shape().select(group).size()).toList();
    var merged = ordered.reshape(Shape.of(dims.stream().mapToLong(Long::longValue).toArray()));
    if (merged.isPresent()) {
      var strides = normalized(dims, merged.get().strides());
      if (usable(dims, strides)) {
        return new Matrix(lowering.place(view.base()), merged.get().offset(), dims, strides);
      }
    }
    var dtype = view.base().type().dtype();
    var copy = lowering.temporary(dtype.bytes(view.shape().size()));
    lowering.copy(ordered, copy);
    return new Matrix(copy, 0, dims, View.boxed(Shape.of(dims).strides()));
  }

  /** The stride of an axis of size 1 is free: the one that a matrix of its own would have. */
  private static List<Long> normalized(List<Long> dims, List<Long> strides) {
    var result = new ArrayList<>(strides);
    if (dims.get(2) == 1) result.set(2, dims.get(1) > 1 && strides.get(1) == 1 ? dims.get(1) : 1L);
    if (dims.get(1) == 1) result.set(1, result.get(2) == 1 ? dims.get(2) : 1L);
    if (dims.get(0) == 1) {
      result.set(0, Math.max(dims.get(1) * result.get(1), dims.get(2) * result.get(2)));
    }
    return result;
  }

  /** Whether no element is read twice and one of the last axes is dense. */
  private static boolean usable(List<Long> dims, List<Long> strides) {
    long rows = strides.get(1);
    long columns = strides.get(2);
    boolean dense = (columns == 1 && rows >= dims.get(2)) || (rows == 1 && columns >= dims.get(1));
    return dense && strides.get(0) > 0;
  }

  private int divided(Matrix a, Matrix c) {
    if (a.dims.get(0) >= kernels.threads()) return BATCH;
    return c.dims.get(2) >= c.dims.get(1) ? COLUMNS : ROWS;
  }

  private int count(Matrix a, Matrix c, int axis) {
    double work = 1.0 * c.dims.get(0) * c.dims.get(1) * c.dims.get(2) * a.dims.get(2);
    if (work < WORTH_SHARING) return 1;
    return (int) Math.min(kernels.threads(), c.dims.get(axis));
  }

  private Optional<DnnlStep.Part> part(Matrix a, Matrix b, Matrix c, int axis, long from, long to) {
    var src = axis == COLUMNS ? a : cut(a, axis, from, to);
    var weights = axis == ROWS ? b : cut(b, axis, from, to);
    var dst = cut(c, axis, from, to);
    var left = node.inputs().get(0).type().dtype();
    var right = node.inputs().get(1).type().dtype();
    return kernels
        .matmul(layout(left, src), layout(right, weights), layout(op.result(), dst))
        .map(
            primitive ->
                new DnnlStep.Part(
                    primitive,
                    List.of(
                        argument(left, src),
                        argument(right, weights),
                        argument(op.result(), dst))));
  }

  private static Matrix cut(Matrix matrix, int axis, long from, long to) {
    var dims = new ArrayList<>(matrix.dims);
    dims.set(axis, to - from);
    long offset = matrix.offset + from * matrix.strides.get(axis);
    return new Matrix(matrix.storage, offset, dims, matrix.strides);
  }

  private static Layout layout(DType dtype, Matrix matrix) {
    return new Layout(dtype, matrix.dims, matrix.strides);
  }

  private static DnnlStep.Argument argument(DType dtype, Matrix matrix) {
    return new DnnlStep.Argument(matrix.storage, matrix.offset * dtype.bits() / 8);
  }
}
