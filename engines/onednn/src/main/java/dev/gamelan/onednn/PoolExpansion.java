package dev.gamelan.onednn;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A pool as the maximum or sum of shifted views of its padded operand, one for each place in the
 * window: one pointwise kernel.
 */
final class PoolExpansion {
  /** Beyond this a kernel has more operands than it gains. */
  private static final long MOST_PLACES = 64;

  /** Of which a constant of the graph may be. */
  private static final long LONGEST = 1024;

  private final GraphBuilder g;
  private final Primitive.Pool op;
  private final int spatial;

  private PoolExpansion(GraphBuilder g, Primitive.Pool op) {
    this.g = g;
    this.op = op;
    this.spatial = op.size().rank();
  }

  static Graph apply(Graph graph) {
    if (graph.nodes().stream().noneMatch(PoolExpansion::applies)) return graph;
    return Rewrite.of(
        graph,
        (g, node, operands) ->
            node.op() instanceof Primitive.Pool op && applies(node)
                ? List.of(new PoolExpansion(g, op).pool(operands.getFirst(), node.result().shape()))
                : g.addNode(node.op(), operands, node).results());
  }

  /** Windows without gaps, so that each sees an element; dtypes that kernels compute in. */
  private static boolean applies(Node node) {
    if (!(node.op() instanceof Primitive.Pool op)) return false;
    var type = node.result().type();
    return Pointwise.supports(type.dtype())
        && type.size() > 0
        && node.inputs().getFirst().type().size() > 0
        && op.size().size() <= MOST_PLACES
        && op.window().dilation().stream().allMatch(dilation -> dilation == 1)
        && type.shape().toList().stream().skip(2).allMatch(size -> size <= LONGEST);
  }

  private Value pool(Value x, Shape result) {
    var wide = op.kind() == PoolKind.MAX ? x : g.widen(x);
    var padded = padded(wide);
    var kind = op.kind() == PoolKind.MAX ? BinaryKind.MAX : BinaryKind.ADD;
    Value pooled = null;
    for (long place = 0; place < op.size().size(); place++) {
      var shifted = shifted(padded, place, result);
      pooled = pooled == null ? shifted : g.binary(kind, pooled, shifted);
    }
    if (pooled == null) throw new IllegalStateException("a window has an element");
    if (op.kind() == PoolKind.AVERAGE) pooled = g.div(pooled, divisor(x.shape(), pooled.type()));
    return g.convert(pooled, x.type().dtype());
  }

  private Value padded(Value x) {
    boolean none =
        op.window().low().stream().allMatch(p -> p == 0)
            && op.window().high().stream().allMatch(p -> p == 0);
    if (none) return x;
    var dtype = x.type().dtype();
    var neutral = (op.kind() == PoolKind.MAX ? ReduceKind.MAX : ReduceKind.SUM).identity(dtype);
    var low = new ArrayList<>(List.of(0L, 0L));
    low.addAll(op.window().low());
    var high = new ArrayList<>(List.of(0L, 0L));
    high.addAll(op.window().high());
    return g.add(
        new Primitive.Pad(low, high, Collections.nCopies(low.size(), 0L)),
        x,
        g.add(new Primitive.Fill(neutral, Shape.scalar())));
  }

  /** For each window its element at {@code place}, counted in row-major order. */
  private Value shifted(Value padded, long place, Shape result) {
    var starts = new ArrayList<>(List.of(0L, 0L));
    var limits = new ArrayList<>(List.of(result.dim(0), result.dim(1)));
    var strides = new ArrayList<>(List.of(1L, 1L));
    long rest = place;
    var at = new long[spatial];
    for (int i = spatial - 1; i >= 0; i--) {
      at[i] = rest % op.size().dim(i);
      rest /= op.size().dim(i);
    }
    for (int i = 0; i < spatial; i++) {
      long stride = op.window().strides().get(i);
      starts.add(at[i]);
      limits.add(at[i] + (result.dim(i + 2) - 1) * stride + 1);
      strides.add(stride);
    }
    return g.add(new Primitive.Slice(starts, limits, strides), padded);
  }

  /** How many elements each window has; inside of x, unless padding counts. */
  private Value divisor(Shape x, TensorType type) {
    if (op.countPadding()) return g.fill(type, (double) op.size().size());
    Value product = null;
    for (int i = 0; i < spatial; i++) {
      var counts = counts(i, x.dim(i + 2), type.shape().dim(i + 2), type.dtype());
      var along = g.broadcastInDim(counts, type.shape(), List.of(i + 2));
      product = product == null ? along : g.mul(product, along);
    }
    if (product == null) throw new IllegalStateException("a pool has a spatial axis");
    return product;
  }

  private Value counts(int axis, long inside, long windows, DType dtype) {
    long low = op.window().low().get(axis);
    long size = op.size().dim(axis);
    var counts = new ArrayList<Scalar>();
    for (long i = 0; i < windows; i++) {
      long begin = Math.max(i * op.window().strides().get(axis) - low, 0);
      long end = Math.min(i * op.window().strides().get(axis) - low + size, inside);
      counts.add(Scalar.of(dtype, (double) (end - begin)));
    }
    return g.add(new Primitive.Constant(Literal.of(TensorType.of(dtype, windows), counts)));
  }
}
