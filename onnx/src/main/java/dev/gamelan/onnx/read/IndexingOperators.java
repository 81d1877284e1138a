package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Elements read and written at computed places. */
final class IndexingOperators {
  private IndexingOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Gather", Operator.one(IndexingOperators::gather)),
        entry("GatherElements", Operator.one(IndexingOperators::gatherElements)),
        entry("GatherND", Operator.one(IndexingOperators::gatherNd)),
        entry("Scatter", Operator.one(IndexingOperators::scatterElements)),
        entry("ScatterElements", Operator.one(IndexingOperators::scatterElements)),
        entry("ScatterND", Operator.one(IndexingOperators::scatterNd)),
        entry("TensorScatter", Operator.one(IndexingOperators::tensorScatter)),
        entry("OneHot", Operator.one(IndexingOperators::oneHot)),
        entry("ReverseSequence", Operator.one(IndexingOperators::reverseSequence)),
        entry("Col2Im", Operator.one(IndexingOperators::col2Im)));
  }

  /** Negative indices count from the end. */
  private static Value fromFront(GraphBuilder g, Value indices, long size) {
    var type = indices.type();
    if (type.dtype().isUnsigned()) return indices;
    var end = g.broadcastTo(g.scalar(type.dtype(), size), type.shape());
    var negative = g.compare(CompareKind.LT, indices, g.zerosLike(indices));
    return g.select(negative, g.add(indices, end), indices);
  }

  /** Those of an input: worked out here where they are known. */
  private static Value indices(OpContext n, int input, long size) {
    if (!(n.operand(input) instanceof Operand.Known known) || known.type().dtype().isFloat()) {
      return fromFront(n.g, n.x(input), size);
    }
    var elements = known.array().integers();
    if (Arrays.stream(elements).anyMatch(i -> i < -size || i >= size)) {
      throw n.error("has an index outside of an axis of size " + size);
    }
    var positive = Arrays.stream(elements).map(i -> i < 0 ? i + size : i).toArray();
    return n.value(new Operand.Known(Array.of(known.type(), positive)));
  }

  private static Value gather(OpContext n) {
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", 0), x.shape());
    return n.g.add(new Primitive.Gather(axis), x, indices(n, 1, x.dim(axis)));
  }

  private static Value gatherElements(OpContext n) {
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", 0), x.shape());
    var indices = indices(n, 1, x.dim(axis));
    if (indices.rank() != x.rank())
      throw n.error("needs indices of rank %d; got %s".formatted(x.rank(), indices.type()));
    for (int i = 0; i < x.rank(); i++) {
      if (i != axis) x = n.g.slice(x, i, 0, indices.dim(i));
    }
    return n.g.add(new Primitive.GatherElements(axis), x, indices);
  }

  /** The rows of {@code indices} as positions among the axes from {@code batch} on. */
  private static Value linear(OpContext n, Value indices, Shape shape, int batch) {
    var g = n.g;
    int last = indices.rank() - 1;
    long depth = indices.dim(last);
    if (batch + depth > shape.rank()) {
      throw n.error("has %d numbers an index for %s".formatted(depth, shape));
    }
    var rows = indices.shape().range(0, last);
    var position = g.fill(new TensorType(DType.I64, rows), 0);
    for (int i = 0; i < depth; i++) {
      long size = shape.dim(batch + i);
      var column = g.reshape(g.slice(g.convert(indices, DType.I64), last, i, i + 1), rows);
      var scaled = g.mul(position, g.scalar(DType.I64, size));
      position = g.add(scaled, fromFront(g, column, size));
    }
    return position;
  }

  private static Value gatherNd(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var indices = n.x(1);
    int batch = (int) n.integer("batch_dims", 0);
    if (indices.rank() == 0 || batch < 0 || batch >= indices.rank() || batch > x.rank()) {
      throw n.error("has batch_dims %d for %s and %s".formatted(batch, x.type(), indices.type()));
    }
    int depth = (int) indices.dim(-1);
    var position = linear(n, indices, x.shape(), batch);
    var batches = x.shape().range(0, batch);
    long each = x.shape().range(batch, batch + depth).size();
    if (batch > 0) {
      var number = g.reshape(g.iota(TensorType.of(DType.I64, batches.size()), 0), batches);
      var start = g.mul(number, g.scalar(DType.I64, each));
      position =
          g.add(position, g.broadcastInDim(start, position.shape(), ShapeOperators.axes(0, batch)));
    }
    var rest = x.shape().range(batch + depth, x.rank());
    var flat = g.reshape(x, Shape.of(batches.size() * each).append(rest.dims()));
    return g.add(new Primitive.Gather(0), flat, position);
  }

  private static ScatterKind kind(OpContext n) {
    var reduction = n.text("reduction", "none");
    return switch (reduction) {
      case "none" -> ScatterKind.SET;
      case "add" -> ScatterKind.ADD;
      case "mul" -> ScatterKind.MUL;
      case "max" -> ScatterKind.MAX;
      case "min" -> ScatterKind.MIN;
      default -> throw n.error("has reduction '%s'".formatted(reduction));
    };
  }

  private static Value scatterElements(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", 0), x.shape());
    var indices = indices(n, 1, x.dim(axis));
    if (indices.rank() != x.rank())
      throw n.error("needs indices of rank %d; got %s".formatted(x.rank(), indices.type()));
    if (indices.shape().with(axis, x.dim(axis)).equals(x.shape())) {
      return g.add(new Primitive.ScatterElements(kind(n), axis), x, indices, n.x(2));
    }
    // Fewer rows than x has: as positions among all its elements.
    var strides = x.shape().strides();
    var position = g.mul(g.convert(indices, DType.I64), g.scalar(DType.I64, strides[axis]));
    for (int i = 0; i < x.rank(); i++) {
      if (i == axis) continue;
      var index = g.iota(indices.type().with(DType.I64), i);
      position = g.add(position, g.mul(index, g.scalar(DType.I64, strides[i])));
    }
    long count = indices.shape().size();
    var flat =
        g.add(
            new Primitive.Scatter(kind(n), 0),
            g.reshape(x, Shape.of(x.shape().size())),
            g.reshape(position, Shape.of(count)),
            g.reshape(n.x(2), Shape.of(count)));
    return g.reshape(flat, x.shape());
  }

  private static Value scatterNd(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var indices = n.x(1);
    if (indices.rank() == 0) throw n.error("needs indices of rank 1 or more");
    int depth = (int) indices.dim(-1);
    var position = linear(n, indices, x.shape(), 0);
    long count = position.shape().size();
    var rest = x.shape().range(depth, x.rank()).dims();
    var scattered =
        g.add(
            new Primitive.Scatter(kind(n), 0),
            g.reshape(x, Shape.of(x.shape().range(0, depth).size()).append(rest)),
            g.reshape(position, Shape.of(count)),
            g.reshape(n.x(2), Shape.of(count).append(rest)));
    return g.reshape(scattered, x.shape());
  }

  private static Value tensorScatter(OpContext n) {
    var g = n.g;
    var cache = n.x(0);
    var update = n.x(1);
    int axis = n.axis(n.integer("axis", -2), cache.shape());
    if (axis == 0) throw n.error("can't write along the batch axis");
    var step = g.iota(update.type().with(DType.I64), axis);
    var at = step;
    if (n.has(2)) at = g.add(step, g.broadcastInDim(n.x(2), step.shape(), List.of(0)));
    if (n.text("mode", "linear").equals("circular")) {
      var size = g.broadcastTo(g.scalar(DType.I64, cache.dim(axis)), at.shape());
      at = g.binary(BinaryKind.REM, at, size);
    }
    return g.add(new Primitive.ScatterElements(ScatterKind.SET, axis), cache, at, update);
  }

  private static Value oneHot(OpContext n) {
    var g = n.g;
    var labels = g.convert(n.x(0), DType.I64);
    long depth = (long) n.doubleAt(1);
    int axis = n.axis(n.integer("axis", -1), labels.rank() + 1);
    var shape = labels.shape().insert(axis, depth);
    var type = new TensorType(DType.I64, shape);
    var axes = shape.otherAxes(List.of(axis));
    var wanted = g.broadcastInDim(fromFront(g, labels, depth), shape, axes);
    var hit = g.compare(CompareKind.EQ, g.iota(type, axis), wanted);
    var values = n.x(2);
    return g.select(
        hit,
        g.reshape(g.slice(values, 0, 1, 2), Shape.scalar()),
        g.reshape(g.slice(values, 0, 0, 1), Shape.scalar()));
  }

  private static Value reverseSequence(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    int time = n.axis(n.integer("time_axis", 0), x.shape());
    int batch = n.axis(n.integer("batch_axis", 1), x.shape());
    var type = x.type().with(DType.I64);
    var step = g.iota(type, time);
    var length = g.broadcastInDim(n.x(1), x.shape(), List.of(batch));
    var mirrored = g.sub(g.add(length, g.scalar(DType.I64, -1L)), step);
    var source = g.select(g.compare(CompareKind.LT, step, length), mirrored, step);
    return g.add(new Primitive.GatherElements(time), x, source);
  }

  /** Sums blocks that overlap back to an image: each element is added where it came from. */
  private static Value col2Im(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var image = n.longs(1);
    var block = n.longs(2);
    int axes = image.length;
    var ones = Collections.nCopies(axes, 1L);
    var dilations = n.integers("dilations", ones);
    var strides = n.integers("strides", ones);
    var pads = n.integers("pads", Collections.nCopies(2 * axes, 0L));
    var positions = new long[axes];
    for (int i = 0; i < axes; i++) {
      long extent = dilations.get(i) * (block[i] - 1) + 1;
      positions[i] = (image[i] + pads.get(i) + pads.get(i + axes) - extent) / strides.get(i) + 1;
    }
    long elements = Shape.of(block).size();
    long windows = Shape.of(positions).size();
    if (x.rank() != 3 || x.dim(2) != windows || x.dim(1) % elements != 0) {
      throw n.error("needs [N, C·%d, %d]; got %s".formatted(elements, windows, x.type()));
    }
    long size = Shape.of(image).size();
    n.length(Math.multiplyExact(elements, windows));
    var target = new ArrayList<Long>();
    for (long e = 0; e < elements; e++) {
      for (long w = 0; w < windows; w++) {
        long at = 0;
        boolean inside = true;
        var inBlock = coordinates(e, block);
        var window = coordinates(w, positions);
        for (int i = 0; i < axes; i++) {
          long c = window[i] * strides.get(i) + inBlock[i] * dilations.get(i) - pads.get(i);
          inside &= c >= 0 && c < image[i];
          at = at * image[i] + c;
        }
        target.add(inside ? at : size);
      }
    }
    long channels = x.dim(1) / elements;
    var indices = n.value(Importer.known(target.stream().mapToLong(Long::longValue).toArray()));
    var flat = g.reshape(x, Shape.of(x.dim(0), channels, elements * windows));
    // What falls into the padding goes to a place behind the image, which is cut off.
    var zeros = g.fill(x.type().with(Shape.of(x.dim(0), channels, size + 1)), 0);
    var summed = g.add(new Primitive.Scatter(ScatterKind.ADD, 2), zeros, indices, flat);
    return g.reshape(g.slice(summed, 2, 0, size), Shape.of(x.dim(0), channels).append(image));
  }

  private static long[] coordinates(long position, long[] dims) {
    var coordinates = new long[dims.length];
    long rest = position;
    for (int i = dims.length - 1; i >= 0; i--) {
      coordinates[i] = rest % dims[i];
      rest /= dims[i];
    }
    return coordinates;
  }
}
