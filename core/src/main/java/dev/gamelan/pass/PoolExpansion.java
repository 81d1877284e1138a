package dev.gamelan.pass;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A pool as the maximum or sum of what its window sees, one view for each place in the window: one
 * pointwise kernel. Its gradient as the sum of what each place sends back.
 */
public final class PoolExpansion {
  private final GraphBuilder g;
  private final PoolKind kind;
  private final Window window;
  private final boolean countPadding;
  private final WindowViews views;

  private PoolExpansion(
      GraphBuilder g, PoolKind kind, Shape size, Window window, boolean countPadding) {
    this.g = g;
    this.kind = kind;
    this.window = window;
    this.countPadding = countPadding;
    this.views = new WindowViews(g, size, window, 2);
  }

  /**
   * Expands those pools and gradients that {@code which} accepts. Their windows must see an element
   * each; an average that does not count padding needs less than 512 windows along an axis.
   */
  public static Graph apply(Graph graph, Predicate<Node> which) {
    return graph.nodes().stream().anyMatch(which)
        ? Rewrite.of(graph, (g, node, operands) -> rewritten(g, node, operands, which))
        : graph;
  }

  private static List<Value> rewritten(
      GraphBuilder g, Node node, List<Value> operands, Predicate<Node> which) {
    if (!which.test(node)) return g.addNode(node.op(), operands, node).results();
    return switch (node.op()) {
      case Primitive.Pool op ->
          List.of(
              new PoolExpansion(g, op.kind(), op.size(), op.window(), op.countPadding())
                  .pool(operands.getFirst(), node.result().shape()));
      case Primitive.PoolGradient op ->
          List.of(
              new PoolExpansion(g, op.kind(), op.size(), op.window(), op.countPadding())
                  .gradient(operands.get(0), operands.get(1)));
      default -> throw new IllegalStateException(node.op().name() + " is no pool");
    };
  }

  private Value pool(Value x, Shape result) {
    var wide = kind == PoolKind.MAX ? x : g.widen(x);
    var padded = padded(wide);
    var combine = kind == PoolKind.MAX ? BinaryKind.MAX : BinaryKind.ADD;
    var pooled = views.view(padded, 0, spatial(result));
    for (int place = 1; place < views.places(); place++) {
      pooled = g.binary(combine, pooled, views.view(padded, place, spatial(result)));
    }
    if (kind == PoolKind.AVERAGE) pooled = g.div(pooled, divisor(x.shape(), pooled.type()));
    return g.convert(pooled, x.type().dtype());
  }

  private Value gradient(Value x, Value gradient) {
    var sent = g.widen(gradient);
    if (kind == PoolKind.AVERAGE) sent = g.div(sent, divisor(x.shape(), sent.type()));
    var winners = kind == PoolKind.MAX ? firstMaxima(x, gradient.shape()) : null;
    Value sum = null;
    for (int place = 0; place < views.places(); place++) {
      var part =
          winners == null
              ? sent
              : g.select(
                  g.compare(CompareKind.EQ, winners, g.scalar(DType.I32, (long) place)),
                  sent,
                  g.scalar(sent.type().dtype(), 0L));
      var back = views.spread(part, place, spatial(x.shape()));
      sum = sum == null ? back : g.add(sum, back);
    }
    if (sum == null) throw new IllegalStateException("a window has an element");
    return g.convert(sum, x.type().dtype());
  }

  /** The place of each window's first maximum, or of its first NaN. */
  private Value firstMaxima(Value x, Shape result) {
    var wide = g.widen(x);
    // An element of minus infinity is more than padding: it counts as the least finite number.
    var inside = g.max(wide, -wide.type().dtype().format().max());
    var padded = padded(inside);
    var most = views.view(padded, 0, spatial(result));
    var winner = g.fill(new TensorType(DType.I32, result), 0);
    for (int place = 1; place < views.places(); place++) {
      var candidate = views.view(padded, place, spatial(result));
      var more = g.compare(CompareKind.GT, candidate, most);
      var firstNan =
          g.binary(BinaryKind.AND, isNan(candidate), g.unary(UnaryKind.NOT, isNan(most)));
      var beats = g.binary(BinaryKind.OR, more, firstNan);
      most = g.select(beats, candidate, most);
      winner = g.select(beats, g.scalar(DType.I32, (long) place), winner);
    }
    return winner;
  }

  private Value isNan(Value x) {
    return g.compare(CompareKind.NE, x, x);
  }

  private Value padded(Value x) {
    var neutral = kind == PoolKind.MAX ? ReduceKind.MAX : ReduceKind.SUM;
    return views.padded(x, neutral.identity(x.type().dtype()));
  }

  private static List<Long> spatial(Shape shape) {
    return shape.toList().subList(2, shape.rank());
  }

  /** How many elements each window has; inside of x, unless padding counts. */
  private Value divisor(Shape x, TensorType type) {
    if (countPadding) return g.fill(type, (double) views.places());
    Value product = null;
    for (int i = 0; i < window.rank(); i++) {
      var counts = counts(i, x.dim(i + 2), type.shape().dim(i + 2), type.dtype());
      var along = g.broadcastInDim(counts, type.shape(), List.of(i + 2));
      product = product == null ? along : g.mul(product, along);
    }
    if (product == null) throw new IllegalStateException("a pool has a spatial axis");
    return product;
  }

  private Value counts(int axis, long inside, long windows, DType dtype) {
    long low = window.low().get(axis);
    long size = views.size().dim(axis);
    var counts = new ArrayList<Scalar>();
    for (long i = 0; i < windows; i++) {
      long begin = Math.max(i * window.strides().get(axis) - low, 0);
      long end = Math.min(i * window.strides().get(axis) - low + size, inside);
      counts.add(Scalar.of(dtype, (double) (end - begin)));
    }
    return g.add(new Primitive.Constant(Literal.of(TensorType.of(dtype, windows), counts)));
  }
}
