package dev.gamelan.onnx.read;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Reads images at computed positions between their elements: a weighted sum of the elements around
 * each, taken axis by axis.
 */
final class Sampler {
  private Sampler() {}

  /** What one axis contributes to one corner: an integral position, in floats, and its weight. */
  record Tap(Value position, Value weight) {}

  /** Linear; outside of the image there are zeros. */
  static Value linear(GraphBuilder g, Value images, List<Value> positions) {
    var taps = positions.stream().map(p -> linearTaps(g, p)).toList();
    return sample(g, images, taps, (axis, position) -> position);
  }

  static List<Tap> linearTaps(GraphBuilder g, Value position) {
    var floor = g.unary(UnaryKind.FLOOR, position);
    var t = g.sub(position, floor);
    return List.of(new Tap(floor, g.sub(1, t)), new Tap(g.add(floor, 1), t));
  }

  static List<Tap> nearestTaps(GraphBuilder g, Value position) {
    var nearest = g.unary(UnaryKind.ROUND_EVEN, position);
    return List.of(new Tap(nearest, g.fill(nearest.type(), 1)));
  }

  /** Keys' kernel. */
  static List<Tap> cubicTaps(GraphBuilder g, Value position, double a) {
    var floor = g.unary(UnaryKind.FLOOR, position);
    var t = g.sub(position, floor);
    return List.of(
        new Tap(g.add(floor, -1), far(g, g.add(t, 1), a)),
        new Tap(floor, near(g, t, a)),
        new Tap(g.add(floor, 1), near(g, g.sub(1, t), a)),
        new Tap(g.add(floor, 2), far(g, g.sub(2, t), a)));
  }

  /** For |d| ≤ 1: (a+2)d³ − (a+3)d² + 1. */
  private static Value near(GraphBuilder g, Value d, double a) {
    return g.add(g.mul(g.mul(d, d), g.add(g.mul(d, a + 2), -(a + 3))), 1);
  }

  /** For 1 < |d| < 2: a(d³ − 5d² + 8d − 4). */
  private static Value far(GraphBuilder g, Value d, double a) {
    var inner = g.add(g.mul(d, g.add(g.mul(d, g.add(d, -5)), 8)), -4);
    return g.mul(inner, a);
  }

  /**
   * @param images [N, C, spatial…]
   * @param taps for each spatial axis; all of [N, positions…]
   * @param fold moves a position that is outside of an axis inside; what is still outside gives 0
   * @return [N, C, positions…]
   */
  static Value sample(
      GraphBuilder g, Value images, List<List<Tap>> taps, BiFunction<Integer, Value, Value> fold) {
    return combine(g, images, taps, fold, BinaryKind.ADD);
  }

  /** The largest of the weighted elements instead of their sum. */
  static Value largest(GraphBuilder g, Value images, List<List<Tap>> taps) {
    return combine(
        g, images, taps, (axis, p) -> g.min(p, images.dim(axis + 2) - 1.0), BinaryKind.MAX);
  }

  private static Value combine(
      GraphBuilder g,
      Value images,
      List<List<Tap>> taps,
      BiFunction<Integer, Value, Value> fold,
      BinaryKind kind) {
    var spatial = images.shape().range(2, images.rank());
    long channels = images.dim(1);
    var flat = g.reshape(images, Shape.of(images.dim(0), channels, spatial.size()));
    var where = taps.getFirst().getFirst().position().shape();
    long points = where.range(1, where.rank()).size();
    var wide = Shape.of(images.dim(0), channels, points);
    Value sum = null;
    for (var corner : corners(taps)) {
      Value index = null;
      Value weight = null;
      Value inside = null;
      for (int axis = 0; axis < corner.size(); axis++) {
        var tap = corner.get(axis);
        double last = spatial.dim(axis) - 1.0;
        var position = fold.apply(axis, tap.position());
        var clamped = g.min(g.max(position, 0), last);
        var within = g.compare(CompareKind.EQ, clamped, position);
        var at = g.convert(clamped, DType.I64);
        index =
            index == null ? at : g.add(g.mul(index, g.scalar(DType.I64, spatial.dim(axis))), at);
        weight = weight == null ? tap.weight() : g.mul(weight, tap.weight());
        inside = inside == null ? within : g.binary(BinaryKind.AND, inside, within);
      }
      if (index == null || weight == null || inside == null) throw new IllegalStateException();
      var rows = Shape.of(images.dim(0), points);
      var picked =
          g.add(
              new Primitive.GatherElements(2),
              flat,
              g.broadcastInDim(g.reshape(index, rows), wide, List.of(0, 2)));
      var counted = g.select(inside, weight, g.zerosLike(weight));
      var part =
          g.mul(
              picked,
              g.broadcastInDim(
                  g.convert(g.reshape(counted, rows), images.type().dtype()), wide, List.of(0, 2)));
      sum = sum == null ? part : g.binary(kind, sum, part);
    }
    if (sum == null) throw new IllegalArgumentException("needs a spatial axis");
    return g.reshape(
        sum, Shape.of(images.dim(0), channels).append(where.range(1, where.rank()).dims()));
  }

  /** One tap of each axis, in all combinations. */
  private static List<List<Tap>> corners(List<List<Tap>> taps) {
    List<List<Tap>> corners = List.of(List.of());
    for (var ofAxis : taps) {
      var next = new ArrayList<List<Tap>>();
      for (var corner : corners) {
        for (var tap : ofAxis) {
          var longer = new ArrayList<>(corner);
          longer.add(tap);
          next.add(longer);
        }
      }
      corners = next;
    }
    return corners;
  }
}
