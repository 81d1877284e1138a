package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Regions of images, pooled to one size. */
final class RegionOperators {
  private RegionOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("RoiAlign", Operator.one(RegionOperators::roiAlign)),
        entry("MaxRoiPool", Operator.one(RegionOperators::maxRoiPool)));
  }

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
