package dev.gamelan.tensorflow;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;

/** Gathers and sums at indices. Those out of range are clamped by a gather and add nothing. */
final class Indexing {
  private final Writer w;

  Indexing(Writer writer) {
    this.w = writer;
  }

  String gather(Term x, Term indices, int axis) {
    var places = clamped(index(indices), x.type().dim(axis));
    return gather(w.whole(x), x.dtype(), places, axis, 0);
  }

  String gatherElements(Term x, Term indices, int axis) {
    int last = x.type().rank() - 1;
    var places = clamped(index(indices), x.type().dim(axis));
    if (axis == last) return gather(w.whole(x), x.dtype(), places, axis, last);
    var order = new ArrayList<>(x.type().shape().axes());
    order.set(axis, last);
    order.set(last, axis);
    var values = w.transpose(w.whole(x), x.dtype(), order);
    var turned = w.transpose(places, DType.I64, order);
    return w.transpose(gather(values, x.dtype(), turned, last, last), x.dtype(), order);
  }

  private String gather(String x, DType dtype, String indices, int axis, int batch) {
    var attributes =
        Attributes.none()
            .type("Tparams", dtype)
            .type("Tindices", DType.I64)
            .type("Taxis", DType.I32)
            .integer("batch_dims", batch);
    return w.op("GatherV2", attributes, x, indices, w.axis(axis));
  }

  /** Along the first axis. */
  String scatterAdd(Term x, Term indices, Term updates) {
    var shape = x.type().shape();
    long count = indices.type().size();
    var rows = Shape.of(shape.dim(0), shape.range(1, shape.rank()).size());
    var places = w.reshape(index(indices), DType.I64, Shape.of(count, 1));
    var inside = inside(places, rows.dim(0));
    var sent = w.reshape(w.whole(updates), x.dtype(), rows.with(0, count));
    return add(x, rows, clamped(places, rows.dim(0)), inside, sent);
  }

  /** Among all elements in a row. */
  String scatterElementsAdd(Term x, Term indices, Term updates, int axis) {
    var shape = x.type().shape();
    var count = Shape.of(indices.type().size());
    var strides = shape.strides();
    var index = index(indices);
    var inside = w.reshape(inside(index, shape.dim(axis)), DType.BOOL, count);
    var place =
        w.op("Mul", DType.I64, clamped(index, shape.dim(axis)), w.number(DType.I64, strides[axis]));
    for (int other : shape.otherAxes(List.of(axis))) {
      if (shape.dim(other) == 1) continue;
      var steps = w.range(shape.dim(other), strides[other]);
      var dims = Term.ones(shape.rank()).with(other, shape.dim(other));
      place = w.op("AddV2", DType.I64, place, w.reshape(steps, DType.I64, dims));
    }
    var places = w.reshape(place, DType.I64, count.append(1));
    var sent = w.reshape(w.whole(updates), x.dtype(), count);
    return add(x, Shape.of(shape.size()), places, inside, sent);
  }

  /**
   * @param shape in which x lies here
   * @param places of rows of it, [count, 1]
   * @param inside which of them count; broadcasts to the updates
   */
  private String add(Term x, Shape shape, String places, String inside, String updates) {
    var dtype = x.dtype();
    var sent = w.op("SelectV2", dtype, inside, updates, w.number(Scalar.of(dtype, 0L)));
    var sums =
        w.op(
            "TensorScatterAdd",
            Attributes.of(dtype).type("Tindices", DType.I64),
            w.reshape(w.whole(x), dtype, shape),
            places,
            sent);
    return w.reshape(sums, dtype, x.type().shape());
  }

  private String index(Term indices) {
    return w.cast(w.whole(indices), indices.dtype(), DType.I64);
  }

  private String clamped(String index, long size) {
    var most = w.op("Minimum", DType.I64, index, w.number(DType.I64, size - 1));
    return w.op("Maximum", DType.I64, most, w.number(DType.I64, 0L));
  }

  private String inside(String index, long size) {
    return w.op("Equal", DType.I64, index, clamped(index, size));
  }
}
