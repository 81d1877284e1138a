package dev.gamelan.engine.reference;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.type.TensorType;
import java.util.List;

/** Reductions and running reductions; floats accumulate in f64 and round once. */
final class Reduction {
  private Reduction() {}

  static Array reduce(Array x, TensorType result, ReduceKind kind, List<Integer> axes) {
    var into = Offsets.projecting(x.type().shape(), x.type().shape().otherAxes(axes));
    var reduced = Array.filled(result, kind.identity(result.dtype()));
    if (x.isFloat()) {
      var sums = reduced.floats();
      var values = x.floats();
      if (kind == ReduceKind.SUM) {
        for (int i = 0; i < into.length; i++) sums[into[i]] += values[i];
      } else {
        var combine = Pointwise.floatBinary(kind.combine());
        for (int i = 0; i < into.length; i++) {
          sums[into[i]] = combine.applyAsDouble(sums[into[i]], values[i]);
        }
      }
      return Array.rounding(result, sums);
    }
    var combine = Pointwise.integerBinary(kind.combine(), result.dtype());
    var sums = reduced.integers();
    for (int i = 0; i < into.length; i++) {
      sums[into[i]] = combine.applyAsLong(sums[into[i]], x.integers()[i]);
    }
    return Array.wrapping(result, sums);
  }

  static Array cumulate(Array x, Primitive.Cumulate op) {
    var type = x.type();
    var identity = op.kind().identity(type.dtype());
    var result = Array.zeros(type);
    for (var line : Lines.along(type.shape(), op.axis())) {
      double sum = identity.toDouble();
      long total = identity.toLong();
      for (int i = 0; i < line.length(); i++) {
        int at = line.at(op.reverse() ? line.length() - 1 - i : i);
        if (x.isFloat()) {
          double next =
              Pointwise.floatBinary(op.kind().combine()).applyAsDouble(sum, x.floats()[at]);
          result.floats()[at] = op.exclusive() ? sum : next;
          sum = next;
        } else {
          long next =
              Pointwise.integerBinary(op.kind().combine(), type.dtype())
                  .applyAsLong(total, x.integers()[at]);
          result.integers()[at] = op.exclusive() ? total : next;
          total = next;
        }
      }
    }
    return x.isFloat()
        ? Array.rounding(type, result.floats())
        : Array.wrapping(type, result.integers());
  }

  static Array argReduce(Array x, TensorType result, ArgKind kind, int axis) {
    var found = new long[Math.toIntExact(result.size())];
    int next = 0;
    for (var line : Lines.along(x.type().shape(), axis)) {
      int best = 0;
      for (int i = 1; i < line.length(); i++) {
        if (beats(x, line.at(i), line.at(best), kind)) best = i;
      }
      found[next++] = best;
    }
    return Array.wrapping(result, found);
  }

  private static boolean beats(Array x, int a, int b, ArgKind kind) {
    if (!x.isFloat()) {
      int order = Pointwise.compare(x.integers()[a], x.integers()[b], x.type().dtype());
      return kind == ArgKind.MAX ? order > 0 : order < 0;
    }
    double left = x.floats()[a];
    double right = x.floats()[b];
    if (Double.isNaN(left) || Double.isNaN(right)) return !Double.isNaN(right);
    return kind == ArgKind.MAX ? left > right : left < right;
  }
}
