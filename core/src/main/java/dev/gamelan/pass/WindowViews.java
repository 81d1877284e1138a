package dev.gamelan.pass;

import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What a moving window sees, as nodes: for each place in the window, one view of the padded operand
 * that has the shape of the result.
 *
 * @param size of the window
 * @param first the first spatial axis of the operand
 */
public record WindowViews(GraphBuilder g, Shape size, Window window, int first) {
  /** How many places the window has. */
  public int places() {
    return Math.toIntExact(size.size());
  }

  /** The operand with its padding. */
  public Value padded(Value x, Scalar padding) {
    boolean none =
        window.low().stream().allMatch(p -> p == 0) && window.high().stream().allMatch(p -> p == 0);
    if (none) return x;
    return pad(
        x,
        padding,
        around(x, window.low(), 0),
        around(x, window.high(), 0),
        around(x, List.of(), 0));
  }

  /** For each window its element at {@code place}, counted in row-major order. */
  public Value view(Value padded, int place, List<Long> windows) {
    var at = offsets(place);
    var limits = new ArrayList<Long>();
    for (int i = 0; i < at.size(); i++) {
      limits.add(at.get(i) + (windows.get(i) - 1) * window.strides().get(i) + 1);
    }
    var all = new ArrayList<>(padded.shape().toList());
    for (int i = 0; i < limits.size(); i++) all.set(first + i, limits.get(i));
    return g.add(
        new Primitive.Slice(around(padded, at, 0), all, around(padded, window.strides(), 1)),
        padded);
  }

  /** The transpose of {@link #view}: each element at its place in x, zeros elsewhere. */
  public Value spread(Value elements, int place, List<Long> x) {
    var at = offsets(place);
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    var gaps = new ArrayList<Long>();
    for (int i = 0; i < at.size(); i++) {
      long stride = window.strides().get(i);
      long begin = at.get(i) - window.low().get(i);
      low.add(begin);
      high.add(x.get(i) - begin - (elements.dim(first + i) - 1) * stride - 1);
      gaps.add(stride - 1);
    }
    var zero = Scalar.of(elements.type().dtype(), 0L);
    return pad(
        elements,
        zero,
        around(elements, low, 0),
        around(elements, high, 0),
        around(elements, gaps, 0));
  }

  private Value pad(Value x, Scalar padding, List<Long> low, List<Long> high, List<Long> interior) {
    var value = g.add(new Primitive.Fill(padding, Shape.scalar()));
    return g.add(new Primitive.Pad(low, high, interior), x, value);
  }

  /** Where a place lies from the beginning of its window. */
  private List<Long> offsets(int place) {
    var at = new ArrayList<>(Collections.nCopies(size.rank(), 0L));
    long rest = place;
    for (int i = size.rank() - 1; i >= 0; i--) {
      at.set(i, rest % size.dim(i) * window.dilation().get(i));
      rest /= size.dim(i);
    }
    return at;
  }

  /** Spatial numbers in their place among those of all axes. */
  private List<Long> around(Value x, List<Long> spatial, long elsewhere) {
    var all = new ArrayList<>(Collections.nCopies(x.rank(), elsewhere));
    for (int i = 0; i < spatial.size(); i++) all.set(first + i, spatial.get(i));
    return all;
  }
}
