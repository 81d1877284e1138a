package dev.gamelan.engine.reference;

import dev.gamelan.ir.Primitive;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Ops that move elements without computing. */
final class Movement {
  private Movement() {}

  static Array iota(TensorType type, int axis) {
    var strides = new long[type.rank()];
    strides[axis] = 1;
    var index = Offsets.of(type.shape(), strides, 0);
    if (type.dtype().isFloat()) {
      return Array.rounding(type, Arrays.stream(index).asDoubleStream().toArray());
    }
    return Array.wrapping(type, Arrays.stream(index).asLongStream().toArray());
  }

  static Array transpose(Array x, TensorType result, List<Integer> permutation) {
    var from = x.type().shape().strides();
    var strides = new long[from.length];
    for (int i = 0; i < strides.length; i++) strides[i] = from[permutation.get(i)];
    return x.pick(result, Offsets.of(result.shape(), strides, 0));
  }

  static Array broadcast(Array x, TensorType result, List<Integer> axes) {
    var from = x.type().shape().strides();
    var strides = new long[result.rank()];
    for (int i = 0; i < from.length; i++) {
      if (x.type().dim(i) != 1) strides[axes.get(i)] = from[i];
    }
    return x.pick(result, Offsets.of(result.shape(), strides, 0));
  }

  static Array slice(Array x, TensorType result, Primitive.Slice slice) {
    var strides = x.type().shape().strides();
    long base = 0;
    for (int i = 0; i < strides.length; i++) {
      base += slice.starts().get(i) * strides[i];
      strides[i] *= slice.strides().get(i);
    }
    return x.pick(result, Offsets.of(result.shape(), strides, base));
  }

  /** Each operand element's place along each axis is known; what falls outside is cropped. */
  static Array pad(Array x, Array value, TensorType result, Primitive.Pad pad) {
    var from = new int[Math.toIntExact(result.size())];
    Arrays.fill(from, -1);
    var index = new long[x.type().rank()];
    var strides = result.shape().strides();
    for (int i = 0; i < x.size(); i++) {
      long at = 0;
      boolean inside = true;
      for (int axis = 0; axis < index.length; axis++) {
        long place = pad.low().get(axis) + index[axis] * (pad.interior().get(axis) + 1);
        inside &= place >= 0 && place < result.dim(axis);
        at += place * strides[axis];
      }
      if (inside) from[(int) at] = i;
      for (int axis = index.length - 1; axis >= 0 && ++index[axis] == x.type().dim(axis); axis--) {
        index[axis] = 0;
      }
    }
    return x.pick(result, from, value);
  }

  static Array concatenate(List<Array> parts, TensorType result, int axis) {
    var joined = Array.zeros(result);
    var strides = result.shape().strides();
    long start = 0;
    for (var part : parts) {
      place(joined, part, Offsets.of(part.type().shape(), strides, start * strides[axis]));
      start += part.type().dim(axis);
    }
    return joined;
  }

  static Array reverse(Array x, List<Integer> axes) {
    var strides = x.type().shape().strides();
    long base = 0;
    for (int axis : axes) {
      base += (x.type().dim(axis) - 1) * strides[axis];
      strides[axis] = -strides[axis];
    }
    return x.pick(x.type(), Offsets.of(x.type().shape(), strides, base));
  }

  static Array dynamicSlice(Array x, List<Array> starts, TensorType result) {
    return x.pick(result, clamped(x.type().shape(), starts, result.shape()));
  }

  static Array dynamicUpdateSlice(Array x, Array update, List<Array> starts) {
    var result = x.copy();
    place(result, update, clamped(x.type().shape(), starts, update.type().shape()));
    return result;
  }

  /** Where a slice of size {@code sizes} lies, its starts clamped so that it is inside. */
  private static int[] clamped(Shape shape, List<Array> starts, Shape sizes) {
    var strides = shape.strides();
    long base = 0;
    for (int axis = 0; axis < strides.length; axis++) {
      long last = shape.dim(axis) - sizes.dim(axis);
      var start = starts.get(axis);
      boolean huge = start.type().dtype().isUnsigned() && start.integer() < 0;
      base += (huge ? last : Math.clamp(start.integer(), 0L, last)) * strides[axis];
    }
    return Offsets.of(sizes, strides, base);
  }

  private static void place(Array into, Array part, int[] at) {
    for (int i = 0; i < at.length; i++) into.set(at[i], part, i);
  }

  /** Slice {@code index} of the first axis. */
  static Array row(Array x, long index) {
    var shape = x.type().shape().without(List.of(0));
    return x.pick(x.type().with(shape), Offsets.of(shape, shape.strides(), index * shape.size()));
  }

  /** The inverse of {@link #row}: rows of one type as a tensor. */
  static Array stack(List<Array> rows, TensorType result) {
    var shape = result.shape().without(List.of(0)).insert(0, 1);
    var parts = new ArrayList<Array>();
    for (var row : rows) parts.add(row.reshaped(shape));
    return concatenate(parts, result, 0);
  }
}
