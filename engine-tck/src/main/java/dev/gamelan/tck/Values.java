package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.SplittableRandom;

/** What an operand of a conformance case is filled with. */
public sealed interface Values {
  /** Uniform in [low, high); integers of the range, or either bool. */
  record Range(double low, double high) implements Values {}

  /** Integers in [0, bound). */
  record Indices(long bound) implements Values {}

  /**
   * Zeros of both signs, ones, tiny and huge numbers, infinities, NaN; the extremes of integers.
   */
  record Special() implements Values {}

  /** Distinct numbers in random order, so that no two are equal. */
  record Distinct() implements Values {}

  /** The elements, made with {@code random}. */
  default Array fill(TensorType type, SplittableRandom random) {
    var array = Array.zeros(type);
    var order = new int[array.size()];
    for (int i = 0; i < order.length; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    for (int i = 0; i < array.size(); i++) {
      double value =
          switch (this) {
            case Range range -> range.low() + (range.high() - range.low()) * random.nextDouble();
            case Indices indices -> random.nextLong(Math.max(indices.bound(), 1));
            case Special special -> special(type.dtype(), i);
            case Distinct distinct -> (order[i] - array.size() / 2.0) / 2;
          };
      set(array, i, value);
    }
    return array;
  }

  private static void set(Array array, int i, double value) {
    var dtype = array.type().dtype();
    if (dtype.isFloat()) array.floats()[i] = dtype.format().round(value);
    else if (dtype.isBool()) array.integers()[i] = (long) Math.floor(value) & 1;
    else array.integers()[i] = dtype.fromDouble(value);
  }

  private static double special(DType dtype, int i) {
    if (!dtype.isFloat()) {
      double[] integers = {0, 1, -1, 2, 7, 100, -0x1p63, 0x1p63};
      return integers[i % integers.length];
    }
    var format = dtype.format();
    double[] floats = {
      0.0,
      -0.0,
      1,
      -1,
      0.5,
      -2.5,
      format.minNormal(),
      -format.minNormal(),
      format.max(),
      -format.max(),
      Double.POSITIVE_INFINITY,
      Double.NEGATIVE_INFINITY,
      Double.NaN,
      format.epsilon()
    };
    return floats[i % floats.length];
  }
}
