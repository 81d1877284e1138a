package dev.gamelan.engine.reference;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;

/** Pools and their gradients: reductions of the rows of {@link Patches}. */
final class Pooling {
  private final PoolKind kind;
  private final boolean countPadding;
  private final Array x;
  private final int[] patches;
  private final int window;

  private Pooling(
      PoolKind kind, boolean countPadding, Array x, Shape size, Shape result, Window geometry) {
    this.kind = kind;
    this.countPadding = countPadding;
    this.x = x;
    this.window = (int) size.size();
    // A channel is to a pool what a batch row is to a convolution.
    var shape = x.type().shape();
    var rows = shape.range(2, shape.rank()).insert(0, 1).insert(0, shape.dim(0) * shape.dim(1));
    this.patches = new Patches(rows, size, result.range(2, result.rank()), geometry, 1).ofGroup(0);
  }

  static Array pool(Array x, TensorType result, Primitive.Pool op) {
    var pooling =
        new Pooling(op.kind(), op.countPadding(), x, op.size(), result.shape(), op.window());
    var pooled = Array.zeros(result);
    for (int i = 0; i < pooled.size(); i++) pooling.reduce(i, pooled);
    return x.isFloat()
        ? Array.rounding(result, pooled.floats())
        : Array.wrapping(result, pooled.integers());
  }

  static Array gradient(Array x, Array gradient, Primitive.PoolGradient op) {
    var shape = gradient.type().shape();
    var pooling = new Pooling(op.kind(), op.countPadding(), x, op.size(), shape, op.window());
    var sums = new double[x.size()];
    for (int i = 0; i < gradient.size(); i++) pooling.spread(i, gradient.floats()[i], sums);
    return Array.rounding(x.type(), sums);
  }

  private void reduce(int row, Array into) {
    if (kind == PoolKind.MAX) {
      int first = firstMaximum(row);
      if (first >= 0) into.set(row, x, first);
      return;
    }
    for (int k = 0; k < window; k++) {
      int at = patches[row * window + k];
      if (at < 0) continue;
      if (x.isFloat()) into.floats()[row] += x.floats()[at] / divisor(row);
      else into.integers()[row] += x.integers()[at];
    }
  }

  private void spread(int row, double gradient, double[] sums) {
    if (kind == PoolKind.MAX) {
      int first = firstMaximum(row);
      if (first >= 0) sums[first] += gradient;
      return;
    }
    for (int k = 0; k < window; k++) {
      int at = patches[row * window + k];
      if (at >= 0) sums[at] += gradient / divisor(row);
    }
  }

  private double divisor(int row) {
    if (kind != PoolKind.AVERAGE) return 1;
    if (countPadding) return window;
    int inside = 0;
    for (int k = 0; k < window; k++) if (patches[row * window + k] >= 0) inside++;
    return inside;
  }

  /** Where the first maximum of a window lies, or the first NaN. */
  private int firstMaximum(int row) {
    int best = -1;
    for (int k = 0; k < window; k++) {
      int at = patches[row * window + k];
      if (at >= 0 && (best < 0 || beats(at, best))) best = at;
    }
    return best;
  }

  private boolean beats(int at, int best) {
    if (!x.isFloat()) {
      return Pointwise.compare(x.integers()[at], x.integers()[best], x.type().dtype()) > 0;
    }
    double value = x.floats()[at];
    double most = x.floats()[best];
    if (Double.isNaN(most)) return false;
    return Double.isNaN(value) || value > most;
  }
}
