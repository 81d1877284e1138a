package dev.gamelan.tensorflow;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.type.DType;
import java.util.List;

/** Ops that combine the elements along axes. */
final class Reductions {
  private final Writer w;

  Reductions(Writer writer) {
    this.w = writer;
  }

  String reduce(Term x, ReduceKind kind, List<Integer> axes) {
    var op =
        switch (kind) {
          case SUM -> "Sum";
          case PROD -> "Prod";
          case MAX -> "Max";
          case MIN -> "Min";
          case AND -> "All";
          case OR -> "Any";
        };
    var attributes = x.dtype().isBool() ? Attributes.none() : Attributes.of(x.dtype());
    return keepsOrder(x, axes)
        ? w.op(op, attributes, x.node(), w.axes(places(x, axes)))
        : w.op(op, attributes, w.whole(x), w.axes(axes));
  }

  /** Whether what is left of a value with channels last is in order as it lies. */
  private static boolean keepsOrder(Term x, List<Integer> axes) {
    if (!x.channelsLast() || !x.isWhole()) return false;
    var left = x.type().shape().otherAxes(axes);
    var order = Writer.channelsLast(x.type().rank());
    return left.stream().map(order::indexOf).sorted().map(order::get).toList().equals(left);
  }

  private static List<Integer> places(Term x, List<Integer> axes) {
    var order = Writer.channelsLast(x.type().rank());
    return axes.stream().map(order::indexOf).toList();
  }

  String cumulate(Term x, Primitive.Cumulate op) {
    var attributes =
        Attributes.of(x.dtype()).flag("exclusive", op.exclusive()).flag("reverse", op.reverse());
    return w.op(
        op.kind() == ReduceKind.SUM ? "Cumsum" : "Cumprod",
        attributes,
        w.whole(x),
        w.axis(op.axis()));
  }

  String argReduce(Term x, Primitive.ArgReduce op) {
    var attributes = Attributes.of(x.dtype()).type("output_type", DType.I64);
    var name = op.kind() == ArgKind.MAX ? "ArgMax" : "ArgMin";
    return w.cast(w.op(name, attributes, w.whole(x), w.axis(op.axis())), DType.I64, op.index());
  }
}
