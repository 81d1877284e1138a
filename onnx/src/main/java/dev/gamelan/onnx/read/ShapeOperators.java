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
        entry("Trilu", Operator.one(ShapeOperators::trilu)));
  }

  static Operand scalar(long element) {
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

  static long[] integers(OpContext n, String name) {
    n.required(name);
    var integers = n.integers(name);
    return integers == null ? new long[0] : integers;
  }

  private static long fromFront(long at, long size) {
    return at < 0 ? at + size : at;
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
