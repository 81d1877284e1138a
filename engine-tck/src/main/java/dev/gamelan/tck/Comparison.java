package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.type.DType;
import java.util.List;

/** Whether results agree with the reference's. */
final class Comparison {
  private Comparison() {}

  /**
   * @throws AssertionError naming the first element that differs
   */
  static void check(String what, List<Array> expected, List<Array> actual) {
    if (expected.size() != actual.size()) {
      throw new AssertionError(
          "%s: %d results, not %d".formatted(what, actual.size(), expected.size()));
    }
    for (int i = 0; i < expected.size(); i++) {
      check("%s, result %d".formatted(what, i), expected.get(i), actual.get(i));
    }
  }

  private static void check(String what, Array expected, Array actual) {
    if (!expected.type().equals(actual.type())) {
      throw new AssertionError("%s: %s, not %s".formatted(what, actual.type(), expected.type()));
    }
    double scale = 1;
    if (expected.type().dtype().isFloat()) {
      // Sums round relative to their largest terms.
      for (double v : expected.floats())
        if (Double.isFinite(v)) scale = Math.max(scale, Math.abs(v));
    }
    for (int i = 0; i < expected.size(); i++) {
      boolean same =
          expected.type().dtype().isFloat()
              ? close(expected.floats()[i], actual.floats()[i], scale, expected.type().dtype())
              : expected.integers()[i] == actual.integers()[i];
      if (!same) {
        throw new AssertionError(
            "%s, element %d of %s: %s, not %s"
                .formatted(what, i, expected.type(), at(actual, i), at(expected, i)));
      }
    }
  }

  private static Object at(Array array, int i) {
    return array.type().dtype().isFloat() ? array.floats()[i] : (Object) array.integers()[i];
  }

  private static boolean close(double want, double got, double scale, DType dtype) {
    if (Double.isNaN(want) || Double.isInfinite(want)) return Double.compare(want, got) == 0;
    double error = Math.abs(want - got);
    return error
        <= tolerance(dtype) * (Math.abs(want) > 1e6 ? Math.abs(want) : Math.min(scale, 1e6));
  }

  /** A few roundings of the dtype. */
  private static double tolerance(DType dtype) {
    return dtype == DType.F64 ? 1e-11 : 16 * dtype.format().epsilon();
  }
}
