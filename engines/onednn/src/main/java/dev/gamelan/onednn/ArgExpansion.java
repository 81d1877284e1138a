package dev.gamelan.onednn;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * The index of an extreme as the least index at which the extreme stands: two reductions, which one
 * kernel computes with what is around them. Where there is NaN it is the extreme, and equal to
 * nothing; then the first NaN is found.
 */
final class ArgExpansion {
  private ArgExpansion() {}

  static Graph apply(Graph graph) {
    if (graph.nodes().stream().noneMatch(ArgExpansion::applies)) return graph;
    return Rewrite.of(
        graph,
        (g, node, operands) ->
            node.op() instanceof Primitive.ArgReduce op && applies(node)
                ? List.of(index(g, op, operands.getFirst()))
                : g.addNode(node.op(), operands, node).results());
  }

  private static boolean applies(Node node) {
    if (!(node.op() instanceof Primitive.ArgReduce op)) return false;
    var type = node.inputs().getFirst().type();
    return Pointwise.supports(type.dtype())
        && Pointwise.supports(op.index())
        && type.dim(op.axis()) <= Integer.MAX_VALUE;
  }

  private static Value index(GraphBuilder g, Primitive.ArgReduce op, Value x) {
    var axes = List.of(op.axis());
    var kind = op.kind() == ArgKind.MAX ? ReduceKind.MAX : ReduceKind.MIN;
    var extreme = g.broadcastTo(g.reduceKeep(kind, x, axes), x.shape());
    var found = g.compare(CompareKind.EQ, x, extreme);
    if (x.type().dtype().isFloat()) {
      var isNaN = g.compare(CompareKind.NE, x, x);
      found = g.binary(BinaryKind.OR, found, isNaN);
    }
    var indices = g.iota(new TensorType(DType.I32, x.shape()), op.axis());
    var none = g.fill(indices.type(), Integer.MAX_VALUE);
    var least = g.reduce(ReduceKind.MIN, g.select(found, indices, none), axes);
    return g.convert(least, op.index());
  }
}
