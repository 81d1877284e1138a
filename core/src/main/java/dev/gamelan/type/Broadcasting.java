package dev.gamelan.type;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * NumPy's rule: shapes are aligned at their last axes, and an axis of size 1 or a missing one
 * stretches to the other's size.
 */
public final class Broadcasting {
  private Broadcasting() {}

  /**
   * The shape that both stretch to.
   *
   * @param op what errors name
   */
  public static Shape common(String op, Shape a, Shape b) {
    int rank = Math.max(a.rank(), b.rank());
    var dims = new long[rank];
    for (int i = 1; i <= rank; i++) {
      long left = i <= a.rank() ? a.dim(-i) : 1;
      long right = i <= b.rank() ? b.dim(-i) : 1;
      if (left != right && left != 1 && right != 1) {
        throw new IllegalArgumentException(
            "%s: needs sizes that are equal or 1; got %s and %s, %d against %d at axis -%d; reshape or slice one of them"
                .formatted(op, a, b, left, right, i));
      }
      dims[rank - i] = left == 1 ? right : left;
    }
    return Shape.of(dims);
  }

  /** Where each axis of {@code from} lies in {@code to} when the last axes are aligned. */
  public static List<Integer> trailingAxes(Shape from, Shape to) {
    int offset = to.rank() - from.rank();
    return IntStream.range(0, from.rank()).mapToObj(axis -> axis + offset).toList();
  }

  /** The axes of {@code to} along which {@code from} is repeated. */
  public static List<Integer> stretchedAxes(Shape from, Shape to) {
    int offset = to.rank() - from.rank();
    var axes = new ArrayList<Integer>();
    for (int axis = 0; axis < to.rank(); axis++) {
      if (axis < offset || from.dim(axis - offset) != to.dim(axis)) axes.add(axis);
    }
    return List.copyOf(axes);
  }
}
