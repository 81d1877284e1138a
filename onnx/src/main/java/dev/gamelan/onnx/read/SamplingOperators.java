package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
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
        entry("AffineGrid", Operator.one(SamplingOperators::affineGrid)),
        entry("RoiAlign", Operator.one(SamplingOperators::roiAlign)),
        entry("MaxRoiPool", Operator.one(SamplingOperators::maxRoiPool)));
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

  // ---- regions

  private static Value roiAlign(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var rois = n.x(1);
    var dtype = x.type().dtype();
    if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 4) {
      throw n.error(
          "needs [N, C, H, W] and regions [R, 4]; got %s and %s".formatted(x.type(), rois.type()));
    }
    double scale = n.number("spatial_scale", 1);
    boolean halfPixel =
        n.text(
                "coordinate_transformation_mode",
                n.opset() < 16 ? "output_half_pixel" : "half_pixel")
            .equals("half_pixel");
    long height = n.integer("output_height", 1);
    long width = n.integer("output_width", 1);
    long ratio = n.integer("sampling_ratio", 0);
    boolean maximum = n.text("mode", "avg").equals("max");
    long count = rois.dim(0);
    var images = g.add(new Primitive.Gather(0), x, n.x(2));
    if (ratio <= 0) return adaptive(n, images, scale, halfPixel, maximum);
    var positions = new ArrayList<Value>();
    for (int axis = 0; axis < 2; axis++) {
      long bins = axis == 0 ? height : width;
      var start = edge(g, rois, axis == 0 ? 1 : 0, scale, halfPixel);
      var size = g.sub(edge(g, rois, axis == 0 ? 3 : 2, scale, halfPixel), start);
      if (!halfPixel) size = g.max(size, 1);
      var step = g.iota(TensorType.of(dtype, 1, bins * ratio), 1);
      var inside = g.mul(g.add(step, 0.5), 1.0 / (bins * ratio));
      positions.add(g.add(start, g.mul(size, inside)));
    }
    return pooled(n, images, positions, count, height, width, ratio, ratio, maximum);
  }

  private static Value edge(GraphBuilder g, Value rois, int column, double scale, boolean half) {
    return g.add(g.mul(g.slice(rois, 1, column, column + 1), scale), half ? -0.5 : 0);
  }

  /** As many samples a bin as it has elements, which only the regions' numbers tell. */
  private static Value adaptive(
      OpContext n, Value images, double scale, boolean half, boolean maximum) {
    var g = n.g;
    long height = n.integer("output_height", 1);
    long width = n.integer("output_width", 1);
    var rois = n.doubles(1);
    var parts = new ArrayList<Value>();
    for (int r = 0; r < rois.length / 4; r++) {
      double offset = half ? 0.5 : 0;
      double left = rois[4 * r] * scale - offset;
      double top = rois[4 * r + 1] * scale - offset;
      double roiWidth = rois[4 * r + 2] * scale - offset - left;
      double roiHeight = rois[4 * r + 3] * scale - offset - top;
      if (!half) {
        roiWidth = Math.max(roiWidth, 1);
        roiHeight = Math.max(roiHeight, 1);
      }
      int down = (int) Math.max(Math.ceil(roiHeight / height), 1);
      int across = (int) Math.max(Math.ceil(roiWidth / width), 1);
      var ys = new double[(int) height * down];
      var xs = new double[(int) width * across];
      for (int i = 0; i < ys.length; i++) ys[i] = top + (i + 0.5) * roiHeight / ys.length;
      for (int i = 0; i < xs.length; i++) xs[i] = left + (i + 0.5) * roiWidth / xs.length;
      var positions = List.of(row(n, ys, images), row(n, xs, images));
      var image = g.slice(images, 0, r, r + 1);
      parts.add(pooled(n, image, positions, 1, height, width, down, across, maximum));
    }
    return g.concatenate(0, parts);
  }

  private static Value row(OpContext n, double[] elements, Value like) {
    var type = TensorType.of(DType.F64, 1, elements.length);
    return n.g.convert(n.value(new Operand.Known(Array.of(type, elements))), like.type().dtype());
  }

  /**
   * @param positions [R, rows] and [R, columns]
   */
  private static Value pooled(
      OpContext n,
      Value images,
      List<Value> positions,
      long count,
      long height,
      long width,
      long down,
      long across,
      boolean maximum) {
    var g = n.g;
    var points = Shape.of(count, height * down, width * across);
    var taps = new ArrayList<List<Sampler.Tap>>();
    Value inside = null;
    for (int axis = 0; axis < 2; axis++) {
      var position = g.broadcastInDim(positions.get(axis), points, List.of(0, axis + 1));
      double size = images.dim(axis + 2);
      var within =
          g.binary(
              BinaryKind.AND,
              g.compare(CompareKind.GE, position, -1),
              g.compare(CompareKind.LE, position, size));
      inside = inside == null ? within : g.binary(BinaryKind.AND, inside, within);
      taps.add(Sampler.linearTaps(g, g.min(g.max(position, 0), size - 1)));
    }
    if (inside == null) throw new IllegalStateException();
    var channels = images.dim(1);
    var bins = Shape.of(count, channels, height, down, width, across);
    var axes = List.of(3, 5);
    // The largest of the four weighted corners of each sample, as the standard has it.
    if (maximum) {
      var best = Sampler.largest(g, images, taps);
      var shown =
          g.select(
              g.broadcastInDim(inside, best.shape(), List.of(0, 2, 3)), best, g.zerosLike(best));
      return g.reduce(ReduceKind.MAX, g.reshape(shown, bins), axes);
    }
    var sampled =
        Sampler.sample(g, images, taps, (axis, p) -> g.min(p, images.dim(axis + 2) - 1.0));
    var shown =
        g.select(
            g.broadcastInDim(inside, sampled.shape(), List.of(0, 2, 3)),
            sampled,
            g.zerosLike(sampled));
    return g.mul(g.sum(g.reshape(shown, bins), axes), 1.0 / (down * across));
  }

  private static Value maxRoiPool(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var rois = n.doubles(1);
    var pooled = n.integers("pooled_shape", List.of());
    double scale = n.number("spatial_scale", 1);
    if (x.rank() != 4 || pooled.size() != 2 || rois.length % 5 != 0) {
      throw n.error("needs [N, C, H, W], a pooled_shape of two and regions [R, 5]");
    }
    var parts = new ArrayList<Value>();
    for (int r = 0; r < rois.length / 5; r++) {
      long[] box = new long[4];
      for (int i = 0; i < 4; i++) box[i] = Math.round(rois[5 * r + i + 1] * scale);
      var image = g.slice(x, 0, (long) rois[5 * r], (long) rois[5 * r] + 1);
      var rows = new ArrayList<Value>();
      for (long i = 0; i < pooled.get(0); i++) {
        var cells = new ArrayList<Value>();
        for (long j = 0; j < pooled.get(1); j++) {
          var band = bin(g, image, 2, box[1], box[3], i, pooled.get(0));
          var cell = bin(g, band, 3, box[0], box[2], j, pooled.get(1));
          cells.add(
              cell.shape().size() == 0
                  ? g.fill(x.type().with(Shape.of(1, x.dim(1), 1, 1)), 0)
                  : g.reduceKeep(ReduceKind.MAX, cell, List.of(2, 3)));
        }
        rows.add(g.concatenate(3, cells));
      }
      parts.add(g.concatenate(2, rows));
    }
    if (parts.isEmpty())
      return g.fill(x.type().with(Shape.of(0, x.dim(1), pooled.get(0), pooled.get(1))), 0);
    return g.concatenate(0, parts);
  }

  private static Value bin(
      GraphBuilder g, Value x, int axis, long from, long to, long i, long bins) {
    double size = Math.max(to - from + 1, 1) / (double) bins;
    long start = Math.clamp((long) Math.floor(i * size) + from, 0, x.dim(axis));
    long end = Math.clamp((long) Math.ceil((i + 1) * size) + from, start, x.dim(axis));
    return g.slice(x, axis, start, end);
  }
}
