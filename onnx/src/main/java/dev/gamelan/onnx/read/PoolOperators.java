package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Windows that move over an image and reduce what they see. */
final class PoolOperators {
  private PoolOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("MaxPool", Operator.all(PoolOperators::maxPool)),
        entry("AveragePool", Operator.one(PoolOperators::averagePool)),
        entry("LpPool", Operator.one(PoolOperators::lpPool)),
        entry("GlobalMaxPool", Operator.one(n -> global(n, ReduceKind.MAX))),
        entry("GlobalAveragePool", Operator.one(PoolOperators::globalAverage)),
        entry("GlobalLpPool", Operator.one(PoolOperators::globalLp)),
        entry("MaxUnpool", Operator.one(PoolOperators::maxUnpool)));
  }

  /** The window with as much more padding at the end as the last, partial window needs. */
  private static Window window(OpContext n, Value x, List<Long> kernel) {
    if (x.rank() < 3) throw n.error("needs [N, C, spatial…]; got " + x.type());
    var window = Windows.of(n, Windows.spatial(x.shape()), kernel);
    if (!n.flag("ceil_mode", false)) return window;
    var high = new ArrayList<Long>();
    for (int i = 0; i < window.rank(); i++) {
      long stride = window.strides().get(i);
      long size = x.dim(i + 2);
      long extent = window.dilation().get(i) * (kernel.get(i) - 1) + 1;
      long padded = size + window.low().get(i) + window.high().get(i);
      long outputs = Math.ceilDiv(padded - extent, stride) + 1;
      // A window that begins in the padding at the end sees nothing.
      if ((outputs - 1) * stride >= size + window.low().get(i)) outputs--;
      long needed = (outputs - 1) * stride + extent - padded;
      high.add(window.high().get(i) + Math.max(needed, 0));
    }
    return new Window(window.strides(), window.low(), high, window.dilation());
  }

  private static List<Long> kernel(OpContext n) {
    n.required("kernel_shape");
    return n.integers("kernel_shape", List.of());
  }

  private static Value pool(OpContext n, PoolKind kind, Value x, List<Long> kernel, Window window) {
    return n.g.add(new Primitive.Pool(kind, Shape.of(kernel), window, false), x);
  }

  /** The elements with the padding around them. */
  private static Value padded(OpContext n, Value x, Window window, Value with) {
    var low = new long[x.rank()];
    var high = new long[x.rank()];
    for (int i = 0; i < window.rank(); i++) {
      low[i + 2] = window.low().get(i);
      high[i + 2] = window.high().get(i);
    }
    return PaddingOperators.constantPad(n, x, low, high, with);
  }

  private static Window unpadded(Window window) {
    var none = Collections.nCopies(window.rank(), 0L);
    return new Window(window.strides(), none, none, window.dilation());
  }

  /** Whether a pool takes this much padding itself. */
  private static boolean fits(Window window, List<Long> kernel) {
    for (int i = 0; i < window.rank(); i++) {
      long extent = window.dilation().get(i) * (kernel.get(i) - 1) + 1;
      if (window.low().get(i) >= extent || window.high().get(i) >= extent) return false;
    }
    return window.rank() <= 3;
  }

  private static List<Value> maxPool(OpContext n) {
    var x = n.x(0);
    var kernel = kernel(n);
    var window = window(n, x, kernel);
    if (n.hasOutput(1)) return withIndices(n, x, kernel, window);
    if (fits(window, kernel)) return List.of(pool(n, PoolKind.MAX, x, kernel, window));
    var padded = padded(n, x, window, lowest(n, x));
    return List.of(pool(n, PoolKind.MAX, padded, kernel, unpadded(window)));
  }

  private static Value lowest(OpContext n, Value x) {
    var least = ReduceKind.MAX.identity(x.type().dtype());
    return n.g.add(new Primitive.Fill(least, Shape.scalar()));
  }

  /** Tap by tap, keeping the larger element and where it was; the first of equals wins. */
  private static List<Value> withIndices(OpContext n, Value x, List<Long> kernel, Window window) {
    var g = n.g;
    var elements = padded(n, x, window, lowest(n, x));
    var at = padded(n, positions(n, x), window, g.scalar(DType.I64, -1L));
    Value best = null;
    Value index = null;
    long taps = Shape.of(kernel).size();
    for (long tap = 0; tap < taps; tap++) {
      var slice = tap(x, kernel, window, tap);
      var candidate = g.add(slice, elements);
      var candidateAt = g.add(slice, at);
      if (best == null || index == null) {
        best = candidate;
        index = candidateAt;
        continue;
      }
      // Padding is as small as can be, but an element may be as small.
      var real = g.compare(CompareKind.LT, index, g.zerosLike(index));
      var better = g.binary(BinaryKind.OR, g.compare(CompareKind.GT, candidate, best), real);
      best = g.select(better, candidate, best);
      index = g.select(better, candidateAt, index);
    }
    if (best == null || index == null) throw n.error("has an empty kernel");
    return List.of(best, index);
  }

  /** The number of each element of x, counted along the columns first if that is asked for. */
  private static Value positions(OpContext n, Value x) {
    var g = n.g;
    var type = x.type().with(DType.I64);
    boolean columns = n.integer("storage_order", 0) == 1;
    long[] strides = x.shape().strides();
    if (columns) {
      long stride = 1;
      for (int axis = 2; axis < x.rank(); axis++) {
        strides[axis] = stride;
        stride *= x.dim(axis);
      }
    }
    var position = g.fill(type, 0);
    for (int axis = 0; axis < x.rank(); axis++) {
      position = g.add(position, g.mul(g.iota(type, axis), g.scalar(DType.I64, strides[axis])));
    }
    return position;
  }

  /** What one element of the kernel sees of the padded image. */
  private static Primitive.Slice tap(Value x, List<Long> kernel, Window window, long tap) {
    var starts = new ArrayList<>(List.of(0L, 0L));
    var limits = new ArrayList<>(List.of(x.dim(0), x.dim(1)));
    var strides = new ArrayList<>(List.of(1L, 1L));
    long rest = tap;
    for (int i = window.rank() - 1; i >= 0; i--) {
      long start = rest % kernel.get(i) * window.dilation().get(i);
      rest /= kernel.get(i);
      long outputs = window.outputSize(i, x.dim(i + 2), kernel.get(i));
      starts.add(2, start);
      limits.add(2, outputs == 0 ? start : start + (outputs - 1) * window.strides().get(i) + 1);
      strides.add(2, window.strides().get(i));
    }
    return new Primitive.Slice(starts, limits, strides);
  }

  private static Value averagePool(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var kernel = kernel(n);
    var window = window(n, x, kernel);
    boolean count = n.flag("count_include_pad", false);
    var given = Windows.of(n, Windows.spatial(x.shape()), kernel);
    if (fits(window, kernel) && (!count || given.equals(window))) {
      return g.add(new Primitive.Pool(PoolKind.AVERAGE, Shape.of(kernel), window, count), x);
    }
    // A partial window counts the padding that was asked for, and not what is beyond.
    var zero = g.scalar(x.type().dtype(), 0L);
    var sum = pool(n, PoolKind.SUM, padded(n, x, window, zero), kernel, unpadded(window));
    var one = g.scalar(x.type().dtype(), 1L);
    var ones = g.fill(x.type(), 1);
    if (count) ones = padded(n, ones, given, one);
    var beyond =
        new Window(
            window.strides(),
            count ? Collections.nCopies(window.rank(), 0L) : window.low(),
            count ? difference(window.high(), given.high()) : window.high(),
            window.dilation());
    var counts = pool(n, PoolKind.SUM, padded(n, ones, beyond, zero), kernel, unpadded(window));
    return g.div(sum, counts);
  }

  private static List<Long> difference(List<Long> a, List<Long> b) {
    var difference = new ArrayList<Long>();
    for (int i = 0; i < a.size(); i++) difference.add(a.get(i) - b.get(i));
    return difference;
  }

  private static Value power(OpContext n, Value x, double p) {
    var magnitude = n.g.unary(UnaryKind.ABS, x);
    if (p == 1) return magnitude;
    return p == 2 ? n.g.mul(x, x) : n.g.binary(BinaryKind.POW, magnitude, p);
  }

  private static Value root(OpContext n, Value x, double p) {
    if (p == 1) return x;
    return p == 2 ? n.g.unary(UnaryKind.SQRT, x) : n.g.binary(BinaryKind.POW, x, 1 / p);
  }

  private static Value lpPool(OpContext n) {
    var x = n.x(0);
    double p = n.integer("p", 2);
    var kernel = kernel(n);
    var window = window(n, x, kernel);
    var zero = n.g.scalar(x.type().dtype(), 0L);
    var padded = padded(n, power(n, x, p), window, zero);
    return root(n, pool(n, PoolKind.SUM, padded, kernel, unpadded(window)), p);
  }

  private static List<Integer> spatial(OpContext n, Value x) {
    if (x.rank() < 3) throw n.error("needs [N, C, spatial…]; got " + x.type());
    return ShapeOperators.axes(2, x.rank());
  }

  private static Value global(OpContext n, ReduceKind kind) {
    return n.g.reduceKeep(kind, n.x(0), spatial(n, n.x(0)));
  }

  private static Value globalAverage(OpContext n) {
    var x = n.g.widen(n.x(0));
    return n.g.convert(n.g.meanKeep(x, spatial(n, x)), n.x(0).type().dtype());
  }

  private static Value globalLp(OpContext n) {
    double p = n.integer("p", 2);
    var x = n.x(0);
    return root(n, n.g.reduceKeep(ReduceKind.SUM, power(n, x, p), spatial(n, x)), p);
  }

  /** Puts each element back where {@link #maxPool} found it, among zeros. */
  private static Value maxUnpool(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var kernel = kernel(n);
    var strides = n.integers("strides", Collections.nCopies(kernel.size(), 1L));
    var pads = n.integers("pads", Collections.nCopies(2 * kernel.size(), 0L));
    var dims = new ArrayList<>(List.of(x.dim(0), x.dim(1)));
    for (int i = 0; i < kernel.size(); i++) {
      long inside = (x.dim(i + 2) - 1) * strides.get(i) + kernel.get(i);
      dims.add(inside - pads.get(i) - pads.get(i + kernel.size()));
    }
    var own = Shape.of(dims);
    var shape = n.has(2) ? Shape.of(n.longs(2)) : own;
    var indices = n.x(1);
    if (!shape.equals(own)) indices = rearranged(n, indices, own, shape);
    long count = x.shape().size();
    var zeros = g.fill(x.type().with(Shape.of(shape.size())), 0);
    var flat =
        g.add(
            new Primitive.Scatter(ScatterKind.SET, 0),
            zeros,
            g.reshape(indices, Shape.of(count)),
            g.reshape(x, Shape.of(count)));
    return g.reshape(flat, shape);
  }

  /** Positions in {@code from} as positions in the larger {@code to}. */
  private static Value rearranged(OpContext n, Value indices, Shape from, Shape to) {
    var g = n.g;
    var strides = from.strides();
    var wider = to.strides();
    var rest = indices;
    var position = g.zerosLike(indices);
    for (int axis = 0; axis < strides.length; axis++) {
      var stride = g.broadcastTo(g.scalar(DType.I64, strides[axis]), indices.shape());
      var coordinate = g.div(rest, stride);
      rest = g.binary(BinaryKind.REM, rest, stride);
      position = g.add(position, g.mul(coordinate, g.scalar(DType.I64, wider[axis])));
    }
    return position;
  }
}
