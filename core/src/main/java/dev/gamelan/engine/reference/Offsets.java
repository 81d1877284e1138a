package dev.gamelan.engine.reference;

import dev.gamelan.type.Shape;

/** Where the elements of one tensor lie in another: movement is nothing else. */
final class Offsets {
  private Offsets() {}

  /** For each index of {@code shape} in row-major order, base + Σ index·stride. */
  static int[] of(Shape shape, long[] strides, long base) {
    var offsets = new int[Math.toIntExact(shape.size())];
    if (offsets.length == 0) return offsets;
    int rank = shape.rank();
    var index = new long[rank];
    long offset = base;
    for (int i = 0; ; i++) {
      offsets[i] = (int) offset;
      int axis = rank - 1;
      while (axis >= 0 && ++index[axis] == shape.dim(axis)) {
        offset -= (index[axis] - 1) * strides[axis];
        index[axis--] = 0;
      }
      if (axis < 0) return offsets;
      offset += strides[axis];
    }
  }

  /** For each element of {@code shape}, where it lies in the shape that keeps {@code kept}. */
  static int[] projecting(Shape shape, java.util.List<Integer> kept) {
    var strides = new long[shape.rank()];
    var keptStrides = shape.select(kept).strides();
    for (int i = 0; i < kept.size(); i++) strides[kept.get(i)] = keptStrides[i];
    return of(shape, strides, 0);
  }
}
