package dev.gamelan.tensor;

import java.util.Locale;

/** Writes a tensor as its type and nested rows; the middle of long axes is left out. */
final class TensorPrinter {
  private static final int EDGE = 3;
  private static final int LONG_AXIS = 8;

  private final Tensor tensor;
  private final double[] floats;
  private final long[] integers;
  private final long[] strides;

  private TensorPrinter(Tensor tensor) {
    this.tensor = tensor;
    boolean isFloat = tensor.dtype().isFloat();
    this.floats = isFloat ? tensor.toDoubleArray() : new double[0];
    this.integers = isFloat ? new long[0] : tensor.toLongArray();
    this.strides = tensor.shape().strides();
  }

  static String print(Tensor tensor) {
    var text = new StringBuilder(tensor.type().toString()).append(tensor.rank() > 1 ? '\n' : ' ');
    new TensorPrinter(tensor).print(text, 0, 0);
    return text.toString();
  }

  private void print(StringBuilder text, int axis, long offset) {
    if (axis == tensor.rank()) {
      text.append(element((int) offset));
      return;
    }
    long size = tensor.dim(axis);
    boolean last = axis == tensor.rank() - 1;
    text.append('[');
    for (long i = 0; i < size; i++) {
      if (i > 0) text.append(last ? ", " : ",\n" + " ".repeat(axis + 1));
      if (i == EDGE && size > LONG_AXIS) {
        text.append("…").append(last ? ", " : ",\n" + " ".repeat(axis + 1));
        i = size - EDGE;
      }
      print(text, axis + 1, offset + i * strides[axis]);
    }
    text.append(']');
  }

  private String element(int index) {
    if (tensor.dtype().isBool()) return integers[index] != 0 ? "true" : "false";
    if (!tensor.dtype().isFloat()) {
      return tensor.dtype().isUnsigned()
          ? Long.toUnsignedString(integers[index])
          : Long.toString(integers[index]);
    }
    double value = floats[index];
    if (Double.isNaN(value)) return "nan";
    if (Double.isInfinite(value)) return value > 0 ? "inf" : "-inf";
    if (value == Math.rint(value) && Math.abs(value) < 1e6) return "%.0f".formatted(value);
    return String.format(Locale.ROOT, "%.5g", value);
  }
}
