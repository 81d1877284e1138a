package dev.gamelan.tensorflow;

import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/** Ops that move elements. */
final class Movement {
  private final Writer w;

  Movement(Writer writer) {
    this.w = writer;
  }

  Term reshape(Term x, TensorType type) {
    if (x.number() != null) return Term.number(x.number(), type);
    return Term.of(w.reshape(w.whole(x), x.dtype(), type.shape()), type);
  }

  Term transpose(Term x, List<Integer> permutation, TensorType type) {
    if (x.number() != null) return Term.number(x.number(), type);
    var node = w.transpose(w.narrow(x), x.dtype(), permutation);
    return new Term(node, type, x.stored().select(permutation), false, null);
  }

  /** Its axes among ones: what reads it broadcasts. */
  Term broadcast(Term x, List<Integer> axes, TensorType type) {
    if (x.number() != null) return Term.number(x.number(), type);
    var ascending = axes.stream().sorted().toList();
    var order = ascending.stream().map(axes::indexOf).toList();
    var node = w.transpose(w.narrow(x), x.dtype(), order);
    var dims = Term.ones(type.rank()).dims();
    for (int i = 0; i < axes.size(); i++) dims[axes.get(i)] = x.stored().dim(i);
    var stored = Shape.of(dims);
    if (!stored.equals(x.stored().select(order))) node = w.reshape(node, x.dtype(), stored);
    return new Term(node, type, stored, false, null);
  }

  Term iota(TensorType type, int axis) {
    var range = w.range(type.dim(axis), 1);
    var dims = Term.ones(type.rank()).dims();
    dims[axis] = type.dim(axis);
    var stored = Shape.of(dims);
    var node = w.reshape(w.cast(range, DType.I64, type.dtype()), type.dtype(), stored);
    return new Term(node, type, stored, false, null);
  }

  String slice(Term x, Primitive.Slice op) {
    if (op.strides().stream().allMatch(stride -> stride == 1)) {
      var sizes = new ArrayList<Long>();
      for (int i = 0; i < op.starts().size(); i++) {
        sizes.add(op.limits().get(i) - op.starts().get(i));
      }
      return w.slice(w.whole(x), x.dtype(), op.starts(), sizes);
    }
    return w.op(
        "StridedSlice",
        Attributes.of(x.dtype()).type("Index", DType.I64),
        w.whole(x),
        w.vector(op.starts()),
        w.vector(op.limits()),
        w.vector(op.strides()));
  }

  /** Crops, then pads; nothing goes between. */
  String pad(Term x, Term value, Primitive.Pad op) {
    var node = w.whole(x);
    var low = new ArrayList<Long>();
    var edges = new ArrayList<Long>();
    var sizes = new ArrayList<Long>();
    for (int axis = 0; axis < x.type().rank(); axis++) {
      long before = op.low().get(axis);
      long after = op.high().get(axis);
      low.add(Math.max(-before, 0));
      sizes.add(x.type().dim(axis) + Math.min(before, 0) + Math.min(after, 0));
      edges.add(Math.max(before, 0));
      edges.add(Math.max(after, 0));
    }
    if (!Shape.of(sizes).equals(x.type().shape())) node = w.slice(node, x.dtype(), low, sizes);
    if (edges.stream().allMatch(edge -> edge == 0)) return node;
    return w.op(
        "PadV2",
        Attributes.of(x.dtype()).type("Tpaddings", DType.I64),
        node,
        w.reshape(w.vector(edges), DType.I64, Shape.of(x.type().rank(), 2)),
        w.whole(value));
  }

  String concatenate(int axis, List<Term> parts, DType dtype) {
    var operands = new ArrayList<String>();
    for (var part : parts) operands.add(w.whole(part));
    if (operands.size() == 1) return operands.getFirst();
    operands.add(w.axis(axis));
    return w.op(
        "ConcatV2",
        Attributes.of(dtype).integer("N", parts.size()),
        operands.toArray(String[]::new));
  }

  String reverse(Term x, List<Integer> axes) {
    return w.op("ReverseV2", Attributes.of(x.dtype()), w.whole(x), w.axes(axes));
  }

  String dynamicSlice(Term x, List<Term> starts, Shape sizes) {
    if (starts.isEmpty()) return w.whole(x);
    var attributes = Attributes.of(x.dtype()).type("Index", DType.I64);
    return w.op(
        "Slice", attributes, w.whole(x), clamped(x, starts, sizes), w.vector(sizes.toList()));
  }

  /** Where a slice of {@code sizes} starts that lies inside. */
  private String clamped(Term x, List<Term> starts, Shape sizes) {
    var rooms = new ArrayList<Long>();
    var operands = new ArrayList<String>();
    for (int axis = 0; axis < sizes.rank(); axis++) {
      rooms.add(x.type().dim(axis) - sizes.dim(axis));
      var start = starts.get(axis);
      operands.add(w.cast(w.whole(start), start.dtype(), DType.I64));
    }
    var packed =
        w.op(
            "Pack",
            Attributes.of(DType.I64).integer("N", operands.size()),
            operands.toArray(String[]::new));
    var most = w.op("Minimum", DType.I64, packed, w.vector(rooms));
    return w.op("Maximum", DType.I64, most, w.number(DType.I64, 0L));
  }
}
