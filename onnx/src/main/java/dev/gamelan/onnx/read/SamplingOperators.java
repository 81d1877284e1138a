package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Images read between their elements. */
final class SamplingOperators {
  private SamplingOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Resize", Operator.one(SamplingOperators::resize)),
        entry("Upsample", Operator.one(SamplingOperators::upsample)),
        entry("GridSample", Operator.one(SamplingOperators::gridSample)),
        entry("AffineGrid", Operator.one(SamplingOperators::affineGrid)));
  }

  // ---- resize

  private static Value upsample(OpContext n) {
    var x = n.x(0);
    var scales =
        n.opset() < 9
            ? n.numbers("scales", List.of()).stream().mapToDouble(Float::doubleValue).toArray()
            : n.doubles(1);
    if (scales.length != x.rank()) throw n.error("needs a scale for each axis of " + x.type());
    var mode = n.text("mode", "nearest");
    var settings = ResizeTaps.Settings.of(mode, "asymmetric", "floor");
    return resize(
        n, x, x.shape().axes(), scales, sizes(x, x.shape().axes(), scales), settings, null);
  }

  private static long[] sizes(Value x, List<Integer> axes, double[] scales) {
    var sizes = new long[axes.size()];
    for (int i = 0; i < sizes.length; i++)
      sizes[i] = (long) Math.floor(x.dim(axes.get(i)) * scales[i]);
    return sizes;
  }

  private static Value resize(OpContext n) {
    var x = n.x(0);
    var mode = n.text("mode", "nearest");
    if (n.opset() < 11) {
      var scales = n.doubles(1);
      var settings = ResizeTaps.Settings.of(mode, "asymmetric", "floor");
      if (scales.length != x.rank()) throw n.error("needs a scale for each axis of " + x.type());
      return resize(
          n, x, x.shape().axes(), scales, sizes(x, x.shape().axes(), scales), settings, null);
    }
    var given = n.integers("axes");
    var axes = given == null ? x.shape().axes() : n.axes(given, x.rank());
    var settings =
        new ResizeTaps.Settings(
            mode,
            n.text("coordinate_transformation_mode", "half_pixel"),
            n.text("nearest_mode", "round_prefer_floor"),
            n.number("cubic_coeff_a", -0.75),
            n.flag("exclude_outside", false),
            n.flag("antialias", false));
    double[] scales;
    long[] sizes;
    if (n.has(3) && n.type(3).size() > 0) {
      sizes = n.longs(3);
      if (sizes.length != axes.size()) throw n.error("needs a size for each of the axes " + axes);
      scales = new double[sizes.length];
      for (int i = 0; i < sizes.length; i++) scales[i] = (double) sizes[i] / x.dim(axes.get(i));
      var policy = n.text("keep_aspect_ratio_policy", "stretch");
      if (!policy.equals("stretch")) {
        var sorted = Arrays.stream(scales).sorted().toArray();
        double scale = policy.equals("not_larger") ? sorted[0] : sorted[sorted.length - 1];
        Arrays.fill(scales, scale);
        sizes = new long[scales.length];
        for (int i = 0; i < sizes.length; i++) {
          sizes[i] = (long) Math.floor(scale * x.dim(axes.get(i)) + 0.5);
        }
      }
    } else if (n.has(2)) {
      scales = n.doubles(2);
      if (scales.length != axes.size()) throw n.error("needs a scale for each of the axes " + axes);
      sizes = sizes(x, axes, scales);
    } else {
      throw n.error("needs scales or sizes");
    }
    boolean crops = settings.coordinates().equals("tf_crop_and_resize");
    return resize(n, x, axes, scales, sizes, settings, crops ? n.doubles(1) : null);
  }

  private static Value resize(
      OpContext n,
      Value operand,
      List<Integer> axes,
      double[] scales,
      long[] sizes,
      ResizeTaps.Settings settings,
      double @Nullable [] roi) {
    var g = n.g;
    boolean weighs = !settings.mode().equals("nearest");
    // Nearest moves elements of any dtype; the others compute.
    var x = weighs && !operand.type().dtype().isFloat() ? g.convert(operand, DType.F32) : operand;
    if (weighs) x = g.widen(x);
    var computes = x.type().dtype();
    var outside = new LinkedHashMap<Integer, Value>();
    for (int i = 0; i < axes.size(); i++) {
      int axis = axes.get(i);
      if (sizes[i] < 0 || sizes[i] > Integer.MAX_VALUE || (x.dim(axis) == 0 && sizes[i] > 0)) {
        throw n.error(
            "can't give axis %d of %s the size %d".formatted(axis, operand.type(), sizes[i]));
      }
      boolean identity = scales[i] == 1 && sizes[i] == x.dim(axis) && roi == null;
      if (identity) continue;
      double from = roi == null ? 0 : roi[i];
      double to = roi == null ? 1 : roi[i + axes.size()];
      var taps = ResizeTaps.of(settings, x.dim(axis), scales[i], n.length(sizes[i]), from, to, n);
      x = apply(n, x, axis, taps, weighs);
      if (taps.outside().length > 0) {
        outside.put(axis, mask(n, taps.outside(), sizes[i]));
      }
    }
    if (!outside.isEmpty()) {
      var fill = g.broadcastTo(g.scalar(computes, n.number("extrapolation_value", 0)), x.shape());
      for (var entry : outside.entrySet()) {
        var mask = g.broadcastInDim(entry.getValue(), x.shape(), List.of(entry.getKey()));
        x = g.select(mask, fill, x);
      }
    }
    return g.convert(x, operand.type().dtype());
  }

  private static Value mask(OpContext n, long[] outside, long size) {
    return n.value(new Operand.Known(Array.of(TensorType.of(DType.BOOL, size), outside)));
  }

  private static Value apply(OpContext n, Value x, int axis, ResizeTaps taps, boolean weighs) {
    var g = n.g;
    Value sum = null;
    for (int tap = 0; tap < taps.positions().length; tap++) {
      var indices = n.value(Importer.known(taps.positions()[tap]));
      var picked = g.add(new Primitive.Gather(axis), x, indices);
      if (!weighs) return picked;
      var type = TensorType.of(DType.F64, taps.positions()[tap].length);
      var weights = n.value(new Operand.Known(Array.of(type, taps.weights()[tap])));
      var typed = g.convert(weights, x.type().dtype());
      var part = g.mul(picked, g.broadcastInDim(typed, picked.shape(), List.of(axis)));
      sum = sum == null ? part : g.add(sum, part);
    }
    if (sum == null) throw n.error("has no taps");
    return sum;
  }

  // ---- grids

  private static Value gridSample(OpContext n) {
    var g = n.g;
    var x = g.widen(n.x(0));
    var grid = g.convert(n.x(1), x.type().dtype());
    int axes = x.rank() - 2;
    if (axes < 1 || grid.rank() != x.rank() || grid.dim(-1) != axes) {
      throw n.error(
          "needs [N, C, spatial…] and a grid [N, …, %d]; got %s and %s"
              .formatted(axes, x.type(), n.type(1)));
    }
    boolean corners = n.flag("align_corners", false);
    var mode = n.text("mode", "linear");
    var padding = n.text("padding_mode", "zeros");
    var taps = new ArrayList<List<Sampler.Tap>>();
    for (int axis = 0; axis < axes; axis++) {
      // The last number of a grid point is the position on the last axis' opposite, the first: x,
      // y.
      int column = axes - 1 - axis;
      int last = grid.rank() - 1;
      var plane = g.reshape(g.slice(grid, last, column, column + 1), grid.shape().range(0, last));
      double size = x.dim(axis + 2);
      var position =
          corners
              ? g.mul(g.add(plane, 1), (size - 1) / 2)
              : g.mul(g.add(g.mul(g.add(plane, 1), size), -1), 0.5);
      if (!mode.endsWith("cubic")) position = fold(g, position, size, corners, padding);
      taps.add(
          switch (mode) {
            case "linear", "bilinear" -> Sampler.linearTaps(g, position);
            case "nearest" -> Sampler.nearestTaps(g, position);
            case "cubic", "bicubic" -> Sampler.cubicTaps(g, position, -0.75);
            default -> throw n.error("has mode '%s'".formatted(mode));
          });
    }
    BiFunction<Integer, Value, Value> fold =
        (axis, position) -> fold(g, position, (double) x.dim(axis + 2), corners, padding);
    return g.convert(Sampler.sample(g, x, taps, fold), n.type(0).dtype());
  }

  /** Moves positions outside of [0, size) inside, as the padding says. */
  private static Value fold(
      GraphBuilder g, Value position, double size, boolean corners, String padding) {
    return switch (padding) {
      case "border" -> g.min(g.max(position, 0), size - 1);
      case "reflection" -> {
        double low = corners ? 0 : -0.5;
        double range = corners ? size - 1 : size;
        if (range <= 0) yield g.zerosLike(position);
        // A triangle wave of period 2·range.
        var shifted = g.unary(UnaryKind.ABS, g.add(position, -low));
        var periods = g.unary(UnaryKind.FLOOR, g.mul(shifted, 1 / range));
        var rest = g.sub(shifted, g.mul(periods, range));
        var half = g.mul(periods, 0.5);
        var odd = g.compare(CompareKind.NE, half, g.unary(UnaryKind.FLOOR, half));
        var folded = g.add(g.select(odd, g.sub(range, rest), rest), low);
        yield g.min(g.max(folded, 0), size - 1);
      }
      default -> position;
    };
  }

  /** θ applied to the points of a grid over [−1, 1]. */
  private static Value affineGrid(OpContext n) {
    var g = n.g;
    var theta = n.x(0);
    var size = n.longs(1);
    boolean corners = n.flag("align_corners", false);
    int axes = size.length - 2;
    if (axes < 1 || theta.rank() != 3 || theta.dim(1) != axes || theta.dim(2) != axes + 1) {
      throw n.error("needs theta [N, %d, %d]; got %s".formatted(axes, axes + 1, theta.type()));
    }
    var dtype = theta.type().dtype();
    var spatial = Shape.of(Arrays.copyOfRange(size, 2, size.length));
    var columns = new ArrayList<Value>();
    for (int axis = axes - 1; axis >= 0; axis--) {
      double length = spatial.dim(axis);
      var index = g.iota(new TensorType(dtype, spatial), axis);
      columns.add(
          corners
              ? g.add(g.mul(index, length > 1 ? 2 / (length - 1) : 0), length > 1 ? -1 : 0)
              : g.add(g.mul(g.add(index, 0.5), 2 / length), -1));
    }
    columns.add(g.fill(new TensorType(dtype, spatial), 1));
    var flat = columns.stream().map(c -> g.reshape(c, Shape.of(spatial.size(), 1))).toList();
    var points = g.concatenate(1, flat);
    var dot = new Primitive.DotGeneral(List.of(), List.of(), List.of(2), List.of(1), dtype);
    // [N, axes, points]
    var moved = g.transpose(g.add(dot, theta, points), List.of(0, 2, 1));
    return g.reshape(moved, Shape.of(theta.dim(0)).append(spatial.dims()).append(axes));
  }
}
