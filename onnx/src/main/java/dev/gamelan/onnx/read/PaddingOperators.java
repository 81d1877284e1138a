package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/** Elements around a tensor, and between blocks of it. */
final class PaddingOperators {
  private PaddingOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Pad", Operator.one(PaddingOperators::pad)),
        entry("CenterCropPad", Operator.one(PaddingOperators::centerCropPad)),
        entry("DepthToSpace", Operator.one(PaddingOperators::depthToSpace)),
        entry("SpaceToDepth", Operator.one(PaddingOperators::spaceToDepth)));
  }

  private static Value pad(OpContext n) {
    var x = n.x(0);
    boolean attributes = n.opset() < 11;
    var pads = attributes ? ShapeOperators.integers(n, "pads") : n.longs(1);
    var axes = n.has(3) ? n.axes(n.longs(3), x.rank()) : x.shape().axes();
    if (pads.length != 2 * axes.size()) {
      throw n.error(
          "needs two numbers for each of the axes %s; got %d".formatted(axes, pads.length));
    }
    var low = new long[x.rank()];
    var high = new long[x.rank()];
    for (int i = 0; i < axes.size(); i++) {
      low[axes.get(i)] = pads[i];
      high[axes.get(i)] = pads[i + axes.size()];
    }
    var mode = n.text("mode", "constant");
    if (mode.equals("constant")) {
      var zero = n.g.scalar(x.type().dtype(), attributes ? n.number("value", 0) : 0);
      var with = n.has(2) ? n.g.reshape(n.x(2), Shape.scalar()) : zero;
      return constantPad(n, x, low, high, with);
    }
    for (int axis = 0; axis < x.rank(); axis++) {
      if (low[axis] == 0 && high[axis] == 0) continue;
      x =
          n.g.add(
              new Primitive.Gather(axis),
              x,
              n.value(sources(n, mode, x.dim(axis), low[axis], high[axis])));
    }
    return x;
  }

  static Value constantPad(OpContext n, Value x, long[] low, long[] high, Value with) {
    var none = Collections.nCopies(x.rank(), 0L);
    var before = LongStream.of(low).boxed().toList();
    var after = LongStream.of(high).boxed().toList();
    return n.g.add(new Primitive.Pad(before, after, none), x, with);
  }

  /** For each element of a padded axis the one that it repeats. */
  private static Operand sources(OpContext n, String mode, long size, long low, long high) {
    long length = size + low + high;
    if (size == 0 && length > 0) throw n.error("repeats elements of an empty axis");
    var sources = new long[n.length(length)];
    for (int i = 0; i < length; i++) {
      long at = i - low;
      sources[i] =
          switch (mode) {
            case "edge" -> Math.clamp(at, 0, size - 1);
            case "wrap" -> Math.floorMod(at, size);
            case "reflect" -> {
              long period = Math.max(2 * (size - 1), 1);
              long folded = Math.floorMod(at, period);
              yield folded < size ? folded : period - folded;
            }
            default -> throw n.error("has mode '%s'".formatted(mode));
          };
    }
    return Importer.known(sources);
  }

  private static Value centerCropPad(OpContext n) {
    var x = n.x(0);
    var sizes = n.longs(1);
    var given = n.integers("axes");
    var axes = given == null ? x.shape().axes() : n.axes(given, x.rank());
    if (axes.size() != sizes.length) throw n.error("needs a size for each of the axes " + axes);
    var low = new long[x.rank()];
    var high = new long[x.rank()];
    for (int i = 0; i < sizes.length; i++) {
      int axis = axes.get(i);
      long more = sizes[i] - x.dim(axis);
      // A crop leaves the odd element at the end, a pad adds it there.
      low[axis] = more < 0 ? -(-more / 2) : more / 2;
      high[axis] = more - low[axis];
    }
    return constantPad(n, x, low, high, n.g.scalar(x.type().dtype(), 0L));
  }

  private static Value depthToSpace(OpContext n) {
    var x = n.x(0);
    long block = block(n, x);
    if (x.dim(1) % (block * block) != 0) throw n.error("can't split the channels of " + x.type());
    long channels = x.dim(1) / (block * block);
    var g = n.g;
    boolean columnFirst = n.text("mode", "DCR").equals("CRD");
    var split =
        columnFirst
            ? Shape.of(x.dim(0), channels, block, block, x.dim(2), x.dim(3))
            : Shape.of(x.dim(0), block, block, channels, x.dim(2), x.dim(3));
    var order = columnFirst ? List.of(0, 1, 4, 2, 5, 3) : List.of(0, 3, 4, 1, 5, 2);
    var moved = g.transpose(g.reshape(x, split), order);
    return g.reshape(moved, Shape.of(x.dim(0), channels, x.dim(2) * block, x.dim(3) * block));
  }

  private static Value spaceToDepth(OpContext n) {
    var x = n.x(0);
    long block = block(n, x);
    if (x.dim(2) % block != 0 || x.dim(3) % block != 0) throw n.error("can't split " + x.type());
    long height = x.dim(2) / block;
    long width = x.dim(3) / block;
    var split = Shape.of(x.dim(0), x.dim(1), height, block, width, block);
    boolean columnFirst = n.text("mode", "DCR").equals("CRD");
    var order = columnFirst ? List.of(0, 1, 3, 5, 2, 4) : List.of(0, 3, 5, 1, 2, 4);
    var moved = n.g.transpose(n.g.reshape(x, split), order);
    return n.g.reshape(moved, Shape.of(x.dim(0), x.dim(1) * block * block, height, width));
  }

  private static long block(OpContext n, Value x) {
    long block = n.required("blocksize").integer();
    if (block < 1 || block > Integer.MAX_VALUE || x.rank() != 4) {
      throw n.error(
          "needs [N, C, H, W] and a positive blocksize; got %s and %d".formatted(x.type(), block));
    }
    return block;
  }
}
