package dev.gamelan.onednn;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A value as a way to read another one's memory: movement that costs nothing.
 *
 * @param base what lies in memory: row-major, or with its channels last
 * @param offset of the first element, in elements
 * @param strides between neighbours along each axis of {@code shape}, in elements
 */
record View(Value base, long offset, List<Long> strides, Shape shape) {
  View {
    strides = List.copyOf(strides);
  }

  /** A value that lies in memory itself. */
  static View of(Value base) {
    return new View(base, 0, boxed(base.shape().strides()), base.shape());
  }

  /** A value [n, c, spatial…] that lies in memory itself as [n, spatial…, c]. */
  static View channelsLast(Value base) {
    var shape = base.shape();
    var strides = new long[shape.rank()];
    long stride = 1;
    strides[1] = stride;
    stride *= shape.dim(1);
    for (int axis = shape.rank() - 1; axis >= 2; axis--) {
      strides[axis] = stride;
      stride *= shape.dim(axis);
    }
    strides[0] = stride;
    return new View(base, 0, boxed(strides), shape);
  }

  long stride(int axis) {
    return strides.get(axis);
  }

  /** Whether the elements follow each other as in a tensor of its own. */
  boolean isContiguous() {
    long expected = 1;
    for (int axis = shape.rank() - 1; axis >= 0; axis--) {
      if (shape.dim(axis) != 1 && stride(axis) != expected) return false;
      expected *= shape.dim(axis);
    }
    return true;
  }

  /** Whether it is all of its base, in order. */
  boolean isWhole() {
    return offset == 0 && shape.size() == base.type().size() && isContiguous();
  }

  View transpose(List<Integer> permutation) {
    return new View(
        base, offset, permutation.stream().map(strides::get).toList(), shape.select(permutation));
  }

  View broadcast(Primitive.BroadcastInDim op) {
    var result = new long[op.shape().rank()];
    for (int i = 0; i < op.axes().size(); i++) {
      if (shape.dim(i) != 1) result[op.axes().get(i)] = stride(i);
    }
    return new View(base, offset, boxed(result), op.shape());
  }

  View slice(Primitive.Slice op, Shape result) {
    long start = offset;
    var scaled = new long[shape.rank()];
    for (int i = 0; i < scaled.length; i++) {
      start += op.starts().get(i) * stride(i);
      scaled[i] = stride(i) * op.strides().get(i);
    }
    return new View(base, start, boxed(scaled), result);
  }

  View reverse(List<Integer> axes) {
    long start = offset;
    var turned = strides.stream().mapToLong(Long::longValue).toArray();
    for (int axis : axes) {
      start += Math.max(shape.dim(axis) - 1, 0) * turned[axis];
      turned[axis] = -turned[axis];
    }
    return new View(base, start, boxed(turned), shape);
  }

  /** Empty where the elements would have to move. */
  Optional<View> reshape(Shape to) {
    if (shape.size() == 0) return Optional.of(new View(base, 0, boxed(to.strides()), to));
    var result = new long[to.rank()];
    int from = 0;
    int axis = 0;
    // Blocks of axes with equal sizes on both sides; those of the operand must be one run.
    while (from < shape.rank() || axis < to.rank()) {
      int fromEnd = from;
      int end = axis;
      long have = fromEnd < shape.rank() ? shape.dim(fromEnd++) : 1;
      long want = end < to.rank() ? to.dim(end++) : 1;
      while (have != want) {
        if (have < want) have *= shape.dim(fromEnd++);
        else want *= to.dim(end++);
      }
      var run = run(from, fromEnd);
      if (run.isEmpty()) return Optional.empty();
      long stride = run.get();
      for (int i = end - 1; i >= axis; i--) {
        result[i] = stride;
        stride *= to.dim(i);
      }
      from = fromEnd;
      axis = end;
    }
    return Optional.of(new View(base, offset, boxed(result), to));
  }

  /** The stride of the axes as one axis; empty where they are not one run. */
  private Optional<Long> run(int from, int to) {
    long stride = 0;
    long size = 1;
    for (int axis = to - 1; axis >= from; axis--) {
      if (shape.dim(axis) == 1) continue;
      if (size == 1) stride = stride(axis);
      else if (stride(axis) != stride * size) return Optional.empty();
      size *= shape.dim(axis);
    }
    return Optional.of(stride);
  }

  static List<Long> boxed(long[] values) {
    return Arrays.stream(values).boxed().toList();
  }
}
