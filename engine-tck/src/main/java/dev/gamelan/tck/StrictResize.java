package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;

/** Resize by summing over the taps of all spatial axes at once. */
final class StrictResize {
  private StrictResize() {}

  static Array apply(TensorOp.Resize op, Array x, TensorType type) {
    var from = x.type().shape();
    var to = type.shape();
    int images = (int) (from.dim(0) * from.dim(1));
    int area = x.size() / Math.max(images, 1);
    var fromStrides = from.strides();
    var y = new double[(int) type.size()];
    var toStrides = to.strides();
    for (int i = 0; i < y.length; i++) {
      int image = i / (y.length / images);
      y[i] = sum(op, x, from, to, toStrides, fromStrides, i, 0, image * area, 1);
    }
    return StrictKernels.rounded(type, y);
  }

  private static double sum(
      TensorOp.Resize op,
      Array x,
      Shape from,
      Shape to,
      long[] toStrides,
      long[] fromStrides,
      int place,
      int axis,
      int offset,
      double weight) {
    if (axis == op.sizes().rank()) return weight * x.floats()[offset];
    long size = from.dim(axis + 2);
    long target = to.dim(axis + 2);
    long index = place / toStrides[axis + 2] % target;
    double position = size == target ? index : position(op.coordinates(), index, size, target);
    double total = 0;
    long floor = (long) Math.floor(position);
    for (long tap = floor - 1; tap <= floor + 2; tap++) {
      double w = size == target ? (tap == index ? 1 : 0) : weight(op, position, tap);
      if (w == 0) continue;
      long at = Math.clamp(tap, 0L, size - 1);
      total +=
          sum(
              op,
              x,
              from,
              to,
              toStrides,
              fromStrides,
              place,
              axis + 1,
              offset + (int) (at * fromStrides[axis + 2]),
              weight * w);
    }
    return total;
  }

  private static double position(TensorOp.CoordinateMode mode, long index, long size, long target) {
    double ratio = (double) size / target;
    return switch (mode) {
      case HALF_PIXEL -> (index + 0.5) * ratio - 0.5;
      case PYTORCH_HALF_PIXEL -> target > 1 ? (index + 0.5) * ratio - 0.5 : 0;
      case ALIGN_CORNERS -> target > 1 ? index * (size - 1.0) / (target - 1) : 0;
      case ASYMMETRIC -> index * ratio;
    };
  }

  private static double weight(TensorOp.Resize op, double position, long tap) {
    double distance = Math.abs(position - tap);
    return switch (op.mode()) {
      case NEAREST -> {
        boolean down = op.coordinates() == TensorOp.CoordinateMode.ASYMMETRIC;
        yield tap == (long) Math.floor(down ? position : position + 0.5) ? 1 : 0;
      }
      case LINEAR -> Math.max(0, 1 - distance);
      case CUBIC -> {
        double a = -0.75;
        double square = distance * distance;
        if (distance <= 1) yield (a + 2) * square * distance - (a + 3) * square + 1;
        if (distance < 2) yield a * (square * distance - 5 * square + 8 * distance - 4);
        yield 0;
      }
    };
  }
}
