package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Many elements to one, or along an axis. */
final class ReductionOperators {
  private ReductionOperators() {}

  /** Of x over the axes, which the result drops. */
  private interface Reduction {
    Value apply(GraphBuilder g, Value x, List<Integer> axes);
  }

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("ReduceSum", reduce(13, of(ReduceKind.SUM))),
        entry("ReduceProd", reduce(18, of(ReduceKind.PROD))),
        entry("ReduceMax", reduce(18, bool(ReduceKind.MAX, ReduceKind.OR))),
        entry("ReduceMin", reduce(18, bool(ReduceKind.MIN, ReduceKind.AND))),
        entry("ReduceMean", reduce(18, ReductionOperators::mean)),
        entry("ReduceL1", reduce(18, (g, x, axes) -> g.sum(g.unary(UnaryKind.ABS, x), axes))),
        entry("ReduceL2", reduce(18, ReductionOperators::l2)),
        entry("ReduceSumSquare", reduce(18, (g, x, axes) -> g.sum(g.mul(x, x), axes))),
        entry("ReduceLogSum", reduce(18, wide((g, x, axes) -> g.log(g.sum(x, axes))))),
        entry("ReduceLogSumExp", reduce(18, wide(ReductionOperators::logSumExp))),
        entry("ArgMax", arg(ArgKind.MAX)),
        entry("ArgMin", arg(ArgKind.MIN)),
        entry("CumSum", cumulate(ReduceKind.SUM)),
        entry("CumProd", cumulate(ReduceKind.PROD)),
        entry("TopK", Operator.all(ReductionOperators::topK)),
        entry("Softmax", alongAxis((n, x) -> n.g.add(new SoftmaxOp.Softmax(x.rank() - 1), x))),
        entry(
            "LogSoftmax", alongAxis((n, x) -> n.g.add(new SoftmaxOp.LogSoftmax(x.rank() - 1), x))),
        entry("Hardmax", alongAxis(ReductionOperators::hardmax)),
        entry("LpNormalization", Operator.one(ReductionOperators::lpNormalization)));
  }

  // ---- reductions

  /**
   * @param inputs the opset from which on the axes are an input
   */
  private static Operator reduce(int inputs, Reduction reduction) {
    return Operator.one(
        n -> {
          var x = n.x(0);
          var given = n.opset() < inputs ? n.integers("axes") : n.has(1) ? n.longs(1) : null;
          var axes = given == null ? List.<Integer>of() : n.axes(given, x.rank());
          if (axes.isEmpty() && !n.flag("noop_with_empty_axes", false)) axes = x.shape().axes();
          var reduced = reduction.apply(n.g, x, axes);
          return n.flag("keepdims", true) ? n.g.keepAxes(reduced, x.shape(), axes) : reduced;
        });
  }

  private static Reduction of(ReduceKind kind) {
    return (g, x, axes) -> g.reduce(kind, x, axes);
  }

  private static Reduction bool(ReduceKind kind, ReduceKind ofBool) {
    return (g, x, axes) -> g.reduce(x.type().dtype().isBool() ? ofBool : kind, x, axes);
  }

  private static Reduction wide(Reduction reduction) {
    return (g, x, axes) -> {
      var dtype = x.type().dtype();
      var operand = dtype.isFloat() ? g.widen(x) : g.convert(x, DType.F64);
      return g.convert(reduction.apply(g, operand, axes), dtype);
    };
  }

  private static Value mean(GraphBuilder g, Value x, List<Integer> axes) {
    long count = x.shape().select(axes).size();
    if (!x.type().dtype().isFloat()) {
      var sum = g.sum(x, axes);
      return g.div(sum, g.broadcastTo(g.scalar(sum.type().dtype(), count), sum.shape()));
    }
    var sum = g.sum(g.widen(x), axes);
    return g.convert(g.div(sum, g.fill(sum.type(), (double) count)), x.type().dtype());
  }

  private static Value l2(GraphBuilder g, Value x, List<Integer> axes) {
    return wide((h, y, a) -> h.unary(UnaryKind.SQRT, h.sum(h.mul(y, y), a))).apply(g, x, axes);
  }

  private static Value logSumExp(GraphBuilder g, Value x, List<Integer> axes) {
    if (axes.isEmpty()) return x;
    // The reduced axes as one, the last.
    var kept = x.shape().otherAxes(axes);
    var order = new ArrayList<>(kept);
    order.addAll(axes);
    var rows = x.shape().select(kept);
    var flat = g.reshape(g.transpose(x, order), rows.append(x.shape().select(axes).size()));
    return g.add(new SoftmaxOp.Logsumexp(rows.rank()), flat);
  }

  private static Operator arg(ArgKind kind) {
    return Operator.one(
        n -> {
          var g = n.g;
          var x = n.x(0);
          int axis = n.axis(n.integer("axis", 0), x.shape());
          boolean last = n.flag("select_last_index", false);
          var operand = last ? g.add(new Primitive.Reverse(List.of(axis)), x) : x;
          var index = g.add(new Primitive.ArgReduce(kind, axis, DType.I64), operand);
          if (last) {
            var end = g.broadcastTo(g.scalar(DType.I64, x.dim(axis) - 1), index.shape());
            index = g.sub(end, index);
          }
          return n.flag("keepdims", true) ? g.keepAxes(index, x.shape(), List.of(axis)) : index;
        });
  }

  private static Operator cumulate(ReduceKind kind) {
    return Operator.one(
        n -> {
          var x = n.x(0);
          int axis = n.axis(n.longAt(1), x.shape());
          boolean exclusive = n.flag("exclusive", false);
          boolean reverse = n.flag("reverse", false);
          return n.g.add(new Primitive.Cumulate(kind, axis, exclusive, reverse), x);
        });
  }

  private static List<Value> topK(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", -1), x.shape());
    long k = n.opset() < 10 ? n.required("k").integer() : n.longAt(1);
    if (k < 0 || k > x.dim(axis)) throw n.error("takes %d of %s".formatted(k, x.type()));
    var index = g.iota(x.type().with(DType.I64), axis);
    boolean largest = n.flag("largest", true);
    var sorted = g.addAll(new Primitive.Sort(axis, largest), List.of(x, index));
    return sorted.stream().map(v -> g.slice(v, axis, 0, k)).toList();
  }

  // ---- along an axis

  /** The function sees the axis as the last; before opset 13 all axes from it on, as one. */
  private static Operator alongAxis(BiFunction<OpContext, Value, Value> function) {
    return Operator.one(
        n -> {
          var g = n.g;
          var x = n.x(0);
          if (n.opset() < 13) {
            int axis = n.axis(n.integer("axis", 1), x.shape());
            var rows = x.shape().range(0, axis).size();
            var flat = Shape.of(rows, x.shape().range(axis, x.rank()).size());
            return g.reshape(function.apply(n, g.reshape(x, flat)), x.shape());
          }
          int axis = n.axis(n.integer("axis", -1), x.shape());
          var swap = new ArrayList<>(x.shape().axes());
          Collections.swap(swap, axis, x.rank() - 1);
          return g.transpose(function.apply(n, g.transpose(x, swap)), swap);
        });
  }

  private static Value hardmax(OpContext n, Value x) {
    var g = n.g;
    int last = x.rank() - 1;
    var index = g.add(new Primitive.ArgReduce(ArgKind.MAX, last, DType.I64), x);
    var type = new TensorType(DType.I64, x.shape());
    var wanted = g.broadcastInDim(index, x.shape(), ShapeOperators.axes(0, last));
    return g.convert(g.compare(CompareKind.EQ, g.iota(type, last), wanted), x.type().dtype());
  }

  /** x / ‖x‖ₚ; of zeros, zeros. */
  private static Value lpNormalization(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var axes = List.of(n.axis(n.integer("axis", -1), x.shape()));
    var magnitude = g.unary(UnaryKind.ABS, x);
    var norm =
        n.integer("p", 2) == 1
            ? g.reduceKeep(ReduceKind.SUM, magnitude, axes)
            : g.unary(UnaryKind.SQRT, g.reduceKeep(ReduceKind.SUM, g.mul(x, x), axes));
    var nothing = g.compare(CompareKind.EQ, norm, 0);
    return g.div(x, g.select(nothing, g.fill(norm.type(), 1), norm));
  }
}
