package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/** Sparse tensors of files, which become dense. */
final class SparseTensors {
  private static final long MAX_BYTES = 1 << 28;

  private SparseTensors() {}

  static Array dense(Array values, Array indices, List<Long> dims) {
    var shape = Shape.of(dims);
    var type = new TensorType(values.type().dtype(), shape);
    boolean coordinates = indices.type().rank() == 2;
    long expected = (long) values.size() * (coordinates ? shape.rank() : 1);
    if (type.bytes() > MAX_BYTES
        || indices.size() != expected
        || indices.type().dtype().isFloat()) {
      throw new OnnxException(
          "a sparse tensor %s with %d values needs %d indices and to be of at most %d bytes; it has %s"
              .formatted(type, values.size(), expected, MAX_BYTES, indices.type()));
    }
    var dense = Array.zeros(type);
    var strides = shape.strides();
    for (int i = 0; i < values.size(); i++) {
      long at = 0;
      if (coordinates) {
        for (int axis = 0; axis < strides.length; axis++) {
          at += indices.integers()[i * strides.length + axis] * strides[axis];
        }
      } else {
        at = indices.integers()[i];
      }
      if (at < 0 || at >= dense.size()) {
        throw new OnnxException("a sparse tensor %s has an element at %d".formatted(type, at));
      }
      dense.set((int) at, values, i);
    }
    return dense;
  }
}
