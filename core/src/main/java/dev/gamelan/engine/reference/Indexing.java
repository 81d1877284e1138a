package dev.gamelan.engine.reference;

import dev.gamelan.engine.EngineException;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.type.TensorType;

/** Gathers and scatters. An index outside of its axis is an error here. */
final class Indexing {
  private Indexing() {}

  static Array gather(Array x, Array indices, TensorType result, int axis) {
    return x.pick(result, rows(x, indices, axis));
  }

  static Array scatter(Array x, Array indices, Array updates, ScatterKind kind, int axis) {
    return combine(x, rows(x, indices, axis), updates, kind);
  }

  static Array gatherElements(Array x, Array indices, TensorType result, int axis) {
    return x.pick(result, elements(x, indices, axis));
  }

  static Array scatterElements(Array x, Array indices, Array updates, ScatterKind kind, int axis) {
    return combine(x, elements(x, indices, axis), updates, kind);
  }

  /**
   * Where each element of a gather lies: x as [outer, axis, inner], the result [outer, i, inner].
   */
  private static int[] rows(Array x, Array indices, int axis) {
    var shape = x.type().shape();
    int outer = (int) shape.range(0, axis).size();
    int inner = (int) shape.range(axis + 1, shape.rank()).size();
    int size = (int) shape.dim(axis);
    var at = new int[outer * indices.size() * inner];
    int next = 0;
    for (int o = 0; o < outer; o++) {
      for (int i = 0; i < indices.size(); i++) {
        int index = checked(indices, i, size);
        for (int j = 0; j < inner; j++) at[next++] = (o * size + index) * inner + j;
      }
    }
    return at;
  }

  private static int[] elements(Array x, Array indices, int axis) {
    var strides = x.type().shape().strides();
    int stride = (int) strides[axis];
    strides[axis] = 0;
    var at = Offsets.of(indices.type().shape(), strides, 0);
    int size = (int) x.type().dim(axis);
    for (int i = 0; i < at.length; i++) at[i] += checked(indices, i, size) * stride;
    return at;
  }

  private static int checked(Array indices, int i, int size) {
    long index = indices.integers()[i];
    if (index < 0 || index >= size) {
      throw new EngineException(
          "index %d is outside of [0, %d); check the indices, or clamp them"
              .formatted(index, size));
    }
    return (int) index;
  }

  private static Array combine(Array x, int[] at, Array updates, ScatterKind kind) {
    var result = x.copy();
    if (kind == ScatterKind.SET) {
      for (int i = 0; i < at.length; i++) result.set(at[i], updates, i);
      return result;
    }
    var pointwise =
        switch (kind) {
          case ADD, SET -> BinaryKind.ADD;
          case MUL -> BinaryKind.MUL;
          case MAX -> BinaryKind.MAX;
          case MIN -> BinaryKind.MIN;
        };
    if (x.isFloat()) {
      var function = Pointwise.floatBinary(pointwise);
      var values = result.floats();
      for (int i = 0; i < at.length; i++) {
        values[at[i]] = function.applyAsDouble(values[at[i]], updates.floats()[i]);
      }
      return Array.rounding(x.type(), values);
    }
    var function = Pointwise.integerBinary(pointwise, x.type().dtype());
    var values = result.integers();
    for (int i = 0; i < at.length; i++) {
      values[at[i]] = function.applyAsLong(values[at[i]], updates.integers()[i]);
    }
    return Array.wrapping(x.type(), values);
  }
}
