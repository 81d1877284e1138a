package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * A long iota as the sum of where its rows begin and of an index inside of them: a kernel computes
 * it when it is needed, where a constant of its length would stay in memory.
 */
final class IotaExpansion {
  /** Up to which a constant is small enough. */
  private static final long SHORT = 1 << 16;

  private static final long ROW = 1 << 12;

  private IotaExpansion() {}

  static Graph apply(Graph graph) {
    if (graph.nodes().stream().noneMatch(IotaExpansion::applies)) return graph;
    return Rewrite.of(
        graph,
        (g, node, operands) ->
            node.op() instanceof Primitive.Iota iota && applies(node)
                ? List.of(expanded(g, iota))
                : g.addNode(node.op(), operands, node).results());
  }

  private static boolean applies(Node node) {
    if (!(node.op() instanceof Primitive.Iota(TensorType type, int axis))) return false;
    var dtype = type.dtype();
    boolean lanes = dtype == DType.I32 || dtype == DType.U32 || dtype == DType.F32;
    return lanes && type.size() > 0 && type.dim(axis) > SHORT && type.dim(axis) < 1L << 31;
  }

  private static Value expanded(GraphBuilder g, Primitive.Iota iota) {
    var type = iota.type();
    long length = type.dim(iota.axis());
    long rows = Math.ceilDiv(length, ROW);
    // In integers, which round once where the result is of floats.
    var indices = new TensorType(type.dtype().isFloat() ? DType.I32 : type.dtype(), Shape.scalar());
    var begin = g.mul(g.iota(indices.with(Shape.of(rows, 1)), 0), ROW);
    var index = g.convert(g.add(begin, g.iota(indices.with(Shape.of(ROW)), 0)), type.dtype());
    var all = g.slice(g.reshape(index, Shape.of(rows * ROW)), 0, 0, length);
    return g.broadcastInDim(all, type.shape(), List.of(iota.axis()));
  }
}
