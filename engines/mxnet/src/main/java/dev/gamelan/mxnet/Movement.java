package dev.gamelan.mxnet;

import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Map;

/** Ops that move elements. */
final class Movement {
  private final Writer w;

  Movement(Writer writer) {
    this.w = writer;
  }

  Term reshape(Term x, TensorType type) {
    if (x.number() != null) return Term.number(x.number(), type);
    return Term.of(w.reshape(w.whole(x), Array.stored(type)), type);
  }

  Term transpose(Term x, List<Integer> permutation, TensorType type) {
    if (x.number() != null) return Term.number(x.number(), type);
    if (permutation.isEmpty()) return x;
    return new Term(w.transpose(x.node(), permutation), type, x.stored().select(permutation), null);
  }

  /** Its axes among ones: what reads it broadcasts. */
  Term broadcast(Term x, List<Integer> axes, TensorType type) {
    if (x.number() != null) return Term.number(x.number(), type);
    var ascending = axes.stream().sorted().toList();
    int node = x.node();
    if (!ascending.equals(axes)) {
      boolean bool = x.dtype().isBool(); // Which MXNet does not transpose.
      if (bool) node = w.cast(node, DType.BOOL, DType.U8);
      node = w.transpose(node, ascending.stream().map(axes::indexOf).toList());
      if (bool) node = w.cast(node, DType.U8, DType.BOOL);
    }
    if (type.rank() == 0) return new Term(node, type, x.stored(), null);
    var dims = Writer.ones(type.rank()).dims();
    for (int i = 0; i < axes.size(); i++) dims[axes.get(i)] = x.stored().dim(i);
    var stored = Shape.of(dims);
    return new Term(w.reshape(node, stored), type, stored, null);
  }

  Term iota(TensorType type, int axis) {
    long size = type.dim(axis);
    int range =
        w.op(
            "_arange",
            Map.of("start", 0, "stop", size, "step", 1, "dtype", DataTypes.name(type.dtype())));
    var dims = Writer.ones(type.rank()).dims();
    dims[axis] = size;
    var stored = Shape.of(dims);
    return new Term(w.reshape(range, stored), type, stored, null);
  }

  int slice(Term x, Primitive.Slice op) {
    if (x.type().rank() == 0) return w.whole(x);
    return w.op(
        "slice",
        Map.of(
            "begin", Symbol.tuple(op.starts()),
            "end", Symbol.tuple(op.limits()),
            "step", Symbol.tuple(op.strides())),
        w.whole(x));
  }

  /** Crops first; then what is added is concatenated, since MXNet's pad takes some ranks only. */
  int pad(Term x, Term value, Primitive.Pad op) {
    int node = w.whole(x);
    int padding = w.whole(value);
    var shape = x.type().shape();
    for (int axis = 0; axis < shape.rank(); axis++) {
      long low = op.low().get(axis);
      long high = op.high().get(axis);
      long between = shape.dim(axis) > 1 ? op.interior().get(axis) : 0;
      if (between > 0) {
        node = spread(node, padding, shape, axis, between);
        shape = shape.with(axis, shape.dim(axis) + (shape.dim(axis) - 1) * between);
      }
      long start = Math.max(-low, 0);
      long limit = shape.dim(axis) + Math.min(high, 0);
      if (low < 0 || high < 0) node = w.slice(node, axis, start, limit);
      shape = shape.with(axis, limit - start);
      if (low > 0) {
        node = w.concatenate(axis, filled(padding, shape.with(axis, low)), node);
        shape = shape.with(axis, shape.dim(axis) + low);
      }
      if (high > 0) {
        node = w.concatenate(axis, node, filled(padding, shape.with(axis, high)));
        shape = shape.with(axis, shape.dim(axis) + high);
      }
    }
    return node;
  }

  /**
   * Every element along the axis followed by the padding, but for the last. They are laid beside
   * each other and transposed: to join pieces of an element each is ten times slower.
   */
  private int spread(int node, int padding, Shape shape, int axis, long between) {
    long rows = shape.range(0, axis + 1).size();
    long columns = shape.range(axis + 1, shape.rank()).size();
    int elements = w.reshape(node, 1, rows, columns);
    int beside = filled(padding, Shape.of(between, rows, columns));
    int turned = w.transpose(w.concatenate(0, elements, beside), List.of(1, 0, 2));
    long size = shape.dim(axis) * (between + 1);
    return w.slice(w.reshape(turned, shape.with(axis, size)), axis, 0, size - between);
  }

  private int filled(int scalar, Shape shape) {
    return w.broadcast(w.reshape(scalar, Writer.ones(shape.rank())), shape);
  }

  int reverse(Term x, List<Integer> axes) {
    int node = w.whole(x);
    return axes.isEmpty() ? node : w.op("reverse", Map.of("axis", Symbol.tuple(axes)), node);
  }

  /** Takes along each axis that is cut, from a start that is clamped. */
  int dynamicSlice(Term x, List<Term> starts, Shape sizes) {
    int node = w.whole(x);
    for (int axis = 0; axis < sizes.rank(); axis++) {
      long spare = x.type().dim(axis) - sizes.dim(axis);
      if (spare == 0) continue;
      int start = index(starts.get(axis));
      start = w.op("broadcast_minimum", start, number(spare, 1));
      start = w.op("broadcast_maximum", start, number(0, 1));
      int range = range(0, sizes.dim(axis), 1);
      node = take(node, w.op("broadcast_add", range, start), axis);
    }
    return node;
  }

  int gather(Term x, Term indices, int axis, TensorType type) {
    int taken = take(w.whole(x), index(indices), axis);
    return indices.type().rank() == 0 ? w.reshape(taken, Array.stored(type)) : taken;
  }

  /** Takes from all elements in a row. */
  int gatherElements(Term x, Term indices, int axis) {
    var shape = x.type().shape();
    if (indices.type().dim(axis) == 1) {
      var line = Map.of("axis", axis, "keepdims", "True", "mode", "clip");
      return w.op("pick", line, w.whole(x), index(indices));
    }
    var strides = shape.strides();
    int place = w.op("broadcast_minimum", index(indices), last(shape, axis));
    place = w.op("broadcast_maximum", place, number(0, shape.rank()));
    place = w.op("broadcast_mul", place, number(strides[axis], shape.rank()));
    for (int other : shape.otherAxes(List.of(axis))) {
      if (shape.dim(other) == 1) continue;
      var dims = Writer.ones(shape.rank()).with(other, shape.dim(other));
      int steps = range(0, shape.dim(other) * strides[other], strides[other]);
      place = w.op("broadcast_add", place, w.reshape(steps, dims));
    }
    return take(w.reshape(w.whole(x), shape.size()), place, 0);
  }

  private int last(Shape shape, int axis) {
    return number(shape.dim(axis) - 1, shape.rank());
  }

  private int number(long value, int rank) {
    return w.number(Scalar.of(DType.I64, value), rank);
  }

  private int range(long start, long stop, long step) {
    return w.op("_arange", Map.of("start", start, "stop", stop, "step", step, "dtype", "int64"));
  }

  private int take(int node, int indices, int axis) {
    return w.op("take", Map.of("axis", axis, "mode", "clip"), node, indices);
  }

  private int index(Term indices) {
    return w.cast(w.whole(indices), indices.dtype(), DType.I64);
  }
}
