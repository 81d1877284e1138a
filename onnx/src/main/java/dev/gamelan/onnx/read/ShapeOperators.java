package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Broadcasting;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Shapes, and elements that move without being computed. */
final class ShapeOperators {
  private ShapeOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Shape", ShapeOperators::shape),
        entry("Size", n -> List.of(scalar(n.type(0).size()))),
        entry("Constant", ShapeOperators::constant),
        entry("ConstantOfShape", Operator.one(ShapeOperators::constantOfShape)),
        entry("Range", Operator.one(ShapeOperators::range)),
        entry("EyeLike", Operator.one(ShapeOperators::eyeLike)),
        entry("Reshape", Operator.one(ShapeOperators::reshape)),
        entry("Flatten", Operator.one(ShapeOperators::flatten)),
        entry("Squeeze", Operator.one(ShapeOperators::squeeze)),
        entry("Unsqueeze", Operator.one(ShapeOperators::unsqueeze)),
        entry("Expand", Operator.one(ShapeOperators::expand)),
        entry("Tile", Operator.one(ShapeOperators::tile)),
        entry("Transpose", Operator.one(ShapeOperators::transpose)),
        entry("Concat", Operator.one(ShapeOperators::concat)),
        entry("Split", Operator.all(ShapeOperators::split)),
        entry("Slice", Operator.one(ShapeOperators::slice)),
        entry("Pad", Operator.one(ShapeOperators::pad)),
        entry("CenterCropPad", Operator.one(ShapeOperators::centerCropPad)),
        entry("DepthToSpace", Operator.one(ShapeOperators::depthToSpace)),
        entry("SpaceToDepth", Operator.one(ShapeOperators::spaceToDepth)),
        entry("Trilu", Operator.one(ShapeOperators::trilu)));
  }

  private static Operand scalar(long element) {
    return new Operand.Known(Array.of(TensorType.of(DType.I64), new long[] {element}));
  }

  private static List<Operand> shape(OpContext n) {
    var dims = n.type(0).shape().dims();
    int from = bound(n.integer("start", 0), dims.length);
    int to = bound(n.integer("end", dims.length), dims.length);
    return List.of(Importer.known(from < to ? Arrays.copyOfRange(dims, from, to) : new long[0]));
  }

  private static int bound(long at, int rank) {
    return Math.clamp(at < 0 ? at + rank : at, 0, rank);
  }

  private static List<Operand> constant(OpContext n) {
    var name = n.node().outputs().isEmpty() ? "" : n.node().outputs().getFirst();
    var tensor = n.attribute("value");
    if (tensor != null && tensor.tensor() != null) {
      return List.of(n.importer().constant(tensor.tensor(), name));
    }
    var sparse = n.attribute("sparse_value");
    if (sparse != null && sparse.sparseTensor() != null) {
      return List.of(new Operand.Known(n.importer().dense(sparse.sparseTensor())));
    }
    if (n.hasAttribute("value_int")) return List.of(scalar(n.integer("value_int", 0)));
    if (n.hasAttribute("value_float")) {
      return List.of(floats(Shape.scalar(), List.of((float) n.number("value_float", 0))));
    }
    var integers = n.integers("value_ints");
    if (integers != null) return List.of(Importer.known(integers));
    var numbers = n.attribute("value_floats");
    if (numbers != null) {
      return List.of(floats(Shape.of(numbers.numbers().size()), numbers.numbers()));
    }
    throw n.error("has no value that is a number, or a tensor of numbers");
  }

  private static Operand floats(Shape shape, List<Float> elements) {
    var doubles = elements.stream().mapToDouble(Float::doubleValue).toArray();
    return new Operand.Known(Array.of(new TensorType(DType.F32, shape), doubles));
  }

  private static Value constantOfShape(OpContext n) {
    var shape = Shape.of(n.longs(0));
    var attribute = n.attribute("value");
    if (attribute == null || attribute.tensor() == null) {
      return n.g.fill(new TensorType(DType.F32, shape), 0);
    }
    var value = n.importer().constant(attribute.tensor(), "value");
    if (value.type().size() != 1)
      throw n.error("needs a value of one element; got " + value.type());
    var element = n.g.reshape(n.value(value), Shape.scalar());
    return n.g.broadcastTo(element, shape);
  }

  private static Value range(OpContext n) {
    var dtype = n.type(0).dtype();
    double count;
    if (dtype.isFloat()) {
      double start = n.doubleAt(0);
      count = Math.ceil((n.doubleAt(1) - start) / n.doubleAt(2));
    } else {
      long delta = n.longAt(2);
      if (delta == 0) throw n.error("has a step of 0");
      count = Math.ceilDiv(Math.subtractExact(n.longAt(1), n.longAt(0)), delta);
    }
    if (!(count < Long.MAX_VALUE)) throw n.error("has no end");
    var type = TensorType.of(dtype, (long) Math.max(count, 0));
    var index = n.g.iota(type, 0);
    return n.g.add(n.g.mul(index, flat(n, 2, type)), flat(n, 0, type));
  }

  private static Value flat(OpContext n, int index, TensorType type) {
    return n.g.broadcastTo(n.g.reshape(n.x(index), Shape.scalar()), type.shape());
  }

  private static Value eyeLike(OpContext n) {
    var type = n.type(0);
    if (type.rank() != 2) throw n.error("needs a matrix; got " + type);
    var dtype = n.hasAttribute("dtype") ? n.dtype(n.integer("dtype", 1)) : type.dtype();
    var index = type.with(DType.I64);
    var diagonal = n.g.add(n.g.iota(index, 0), n.g.scalar(DType.I64, n.integer("k", 0)));
    return n.g.convert(n.g.compare(CompareKind.EQ, diagonal, n.g.iota(index, 1)), dtype);
  }

  private static Value reshape(OpContext n) {
    var x = n.x(0);
    var dims = n.opset() < 5 ? n.integers("shape", List.of()) : null;
    var wanted =
        dims != null ? dims.stream().mapToLong(Long::longValue).toArray() : n.longs(1).clone();
    boolean copyZero = !n.flag("allowzero", false);
    int open = -1;
    long rest = 1;
    for (int i = 0; i < wanted.length; i++) {
      if (wanted[i] == 0 && copyZero) {
        if (i >= x.rank()) throw n.error("copies size %d of %s".formatted(i, x.type()));
        wanted[i] = x.dim(i);
      }
      if (wanted[i] != -1) rest = Math.multiplyExact(rest, wanted[i]);
      else if (open < 0) open = i;
      else throw n.error("leaves more than one size open: " + Arrays.toString(wanted));
    }
    if (open >= 0) wanted[open] = rest == 0 ? 0 : x.shape().size() / rest;
    return n.g.reshape(x, Shape.of(wanted));
  }

  private static Value flatten(OpContext n) {
    var shape = n.x(0).shape();
    long axis = n.integer("axis", 1);
    int at = (int) (axis < 0 ? axis + shape.rank() : axis);
    if (at < 0 || at > shape.rank())
      throw n.error("axis %d is outside of %s".formatted(axis, shape));
    var flat = Shape.of(shape.range(0, at).size(), shape.range(at, shape.rank()).size());
    return n.g.reshape(n.x(0), flat);
  }

  private static Value squeeze(OpContext n) {
    var x = n.x(0);
    var given = n.opset() < 13 ? n.integers("axes") : n.has(1) ? n.longs(1) : null;
    var axes =
        given != null
            ? n.axes(given, x.rank())
            : x.shape().axes().stream().filter(axis -> x.dim(axis) == 1).toList();
    for (int axis : axes) {
      if (x.dim(axis) != 1) throw n.error("drops axis %d of %s".formatted(axis, x.type()));
    }
    return n.g.reshape(x, x.shape().without(axes));
  }

  private static Value unsqueeze(OpContext n) {
    var given = n.opset() < 13 ? n.integers("axes") : n.longs(1);
    if (given == null) throw n.error("needs axes");
    var x = n.x(0);
    int rank = x.rank() + given.length;
    var axes = n.axes(given, rank);
    if (axes.stream().distinct().count() < axes.size())
      throw n.error("names an axis twice: " + axes);
    var dims = new ArrayList<Long>();
    int from = 0;
    for (int i = 0; i < rank; i++) dims.add(axes.contains(i) ? 1 : x.dim(from++));
    return n.g.reshape(x, Shape.of(dims));
  }

  private static Value expand(OpContext n) {
    var x = n.x(0);
    return n.g.broadcastTo(x, Broadcasting.common("Expand", x.shape(), Shape.of(n.longs(1))));
  }

  private static Value tile(OpContext n) {
    var x = n.x(0);
    var repeats = n.longs(1);
    if (repeats.length != x.rank()) {
      throw n.error(
          "needs a number for each axis of %s; got %s"
              .formatted(x.type(), Arrays.toString(repeats)));
    }
    return tile(n, x, repeats);
  }

  static Value tile(OpContext n, Value x, long[] repeats) {
    // Each axis as (repeats, size), of which the first is a broadcast.
    var wide = new ArrayList<Long>();
    var axes = new ArrayList<Integer>();
    var dims = new long[x.rank()];
    for (int i = 0; i < repeats.length; i++) {
      wide.add(repeats[i]);
      wide.add(x.dim(i));
      axes.add(2 * i + 1);
      dims[i] = Math.multiplyExact(repeats[i], x.dim(i));
    }
    return n.g.reshape(n.g.broadcastInDim(x, Shape.of(wide), axes), Shape.of(dims));
  }

  private static Value transpose(OpContext n) {
    var x = n.x(0);
    var given = n.integers("perm");
    var permutation =
        given == null
            ? x.shape().axes().reversed()
            : LongStream.of(given).mapToObj(axis -> n.axis(axis, x.shape())).toList();
    return n.g.transpose(x, permutation);
  }

  private static Value concat(OpContext n) {
    var parts = n.xs(0);
    if (parts.isEmpty()) throw n.error("needs at least one input");
    long axis = n.opset() < 4 ? n.integer("axis", 1) : n.required("axis").integer();
    return n.g.concatenate(n.axis(axis, parts.getFirst().shape()), parts);
  }

  private static List<Value> split(OpContext n) {
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", 0), x.shape());
    var sizes = n.opset() < 13 ? n.integers("split") : n.has(1) ? n.longs(1) : null;
    if (sizes == null) sizes = even(x.dim(axis), n.integer("num_outputs", n.outputs()), n);
    if (LongStream.of(sizes).sum() != x.dim(axis)) {
      throw n.error(
          "splits axis %d of %s into %s".formatted(axis, x.type(), Arrays.toString(sizes)));
    }
    var parts = new ArrayList<Value>();
    long at = 0;
    for (long size : sizes) {
      parts.add(n.g.slice(x, axis, at, at + size));
      at += size;
    }
    return parts;
  }

  /** Parts of one size, the last of which may be smaller. */
  private static long[] even(long size, long parts, OpContext n) {
    if (parts < 1 || parts > Math.max(size, 1) + n.outputs()) throw n.error("splits into " + parts);
    long each = Math.ceilDiv(size, parts);
    var sizes = new long[n.length(parts)];
    for (int i = 0; i < parts; i++) sizes[i] = Math.clamp(size - i * each, 0, each);
    return sizes;
  }

  private static Value slice(OpContext n) {
    var x = n.x(0);
    boolean attributes = n.opset() < 10;
    var starts = attributes ? integers(n, "starts") : n.longs(1);
    var ends = attributes ? integers(n, "ends") : n.longs(2);
    var axes = attributes ? n.integers("axes") : n.has(3) ? n.longs(3) : null;
    var steps = !attributes && n.has(4) ? n.longs(4) : null;
    int count = starts.length;
    if (ends.length != count
        || (axes != null && axes.length != count)
        || (steps != null && steps.length != count)
        || count > x.rank()) {
      throw n.error("needs as many starts, ends, axes and steps, for %s".formatted(x.type()));
    }
    var from = new ArrayList<>(Collections.nCopies(x.rank(), 0L));
    var to = new ArrayList<>(x.shape().toList());
    var by = new ArrayList<>(Collections.nCopies(x.rank(), 1L));
    var reversed = new ArrayList<Integer>();
    for (int i = 0; i < count; i++) {
      int axis = axes == null ? i : n.axis(axes[i], x.shape());
      long size = x.dim(axis);
      long step = steps == null ? 1 : steps[i];
      if (step == 0) throw n.error("has a step of 0");
      if (step > 0) {
        from.set(axis, Math.clamp(fromFront(starts[i], size), 0, size));
        to.set(axis, Math.max(Math.clamp(fromFront(ends[i], size), 0, size), from.get(axis)));
        by.set(axis, step);
        continue;
      }
      // Backwards is forwards over the reversed axis.
      long first = Math.clamp(fromFront(starts[i], size), -1, size - 1);
      long last = Math.clamp(fromFront(ends[i], size), -1, size - 1);
      from.set(axis, size - 1 - first);
      to.set(axis, Math.max(size - 1 - last, size - 1 - first));
      by.set(axis, step == Long.MIN_VALUE ? Long.MAX_VALUE : -step);
      reversed.add(axis);
    }
    if (!reversed.isEmpty()) x = n.g.add(new Primitive.Reverse(reversed), x);
    return n.g.add(new Primitive.Slice(from, to, by), x);
  }

  private static long[] integers(OpContext n, String name) {
    n.required(name);
    var integers = n.integers(name);
    return integers == null ? new long[0] : integers;
  }

  private static long fromFront(long at, long size) {
    return at < 0 ? at + size : at;
  }

  private static Value pad(OpContext n) {
    var x = n.x(0);
    boolean attributes = n.opset() < 11;
    var pads = attributes ? integers(n, "pads") : n.longs(1);
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

  private static Value trilu(OpContext n) {
    var x = n.x(0);
    if (x.rank() < 2) throw n.error("needs matrices; got " + x.type());
    boolean upper = n.flag("upper", true);
    long k = n.has(1) ? n.longAt(1) : 0;
    var index = new TensorType(DType.I64, x.shape().range(x.rank() - 2, x.rank()));
    var diagonal = n.g.add(n.g.iota(index, 0), n.g.scalar(DType.I64, k));
    var keeps = n.g.compare(upper ? CompareKind.GE : CompareKind.LE, n.g.iota(index, 1), diagonal);
    var zero = n.g.add(new Primitive.Fill(Scalar.of(x.type().dtype(), 0L), x.shape()));
    return n.g.select(keeps, x, zero);
  }

  /** The axes from {@code from} to {@code to}, exclusive. */
  static List<Integer> axes(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }
}
