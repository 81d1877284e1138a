package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.Rewrite;
import java.util.List;

/** Scattered sums and products of halves in f32: they are to be rounded once, not at each step. */
final class ScatterExpansion {
  private ScatterExpansion() {}

  static Graph apply(Graph graph) {
    return graph.nodes().stream().anyMatch(ScatterExpansion::applies)
        ? Rewrite.of(graph, ScatterExpansion::rewritten)
        : graph;
  }

  private static List<Value> rewritten(GraphBuilder g, Node node, List<Value> operands) {
    if (!applies(node)) return g.addNode(node.op(), operands, node).results();
    var x = g.widen(operands.get(0));
    var updates = g.widen(operands.get(2));
    return List.of(
        g.convert(g.add(node.op(), x, operands.get(1), updates), node.result().type().dtype()));
  }

  private static boolean applies(Node node) {
    return switch (node.op()) {
      case Primitive.Scatter scatter -> roundsOften(scatter.kind(), node);
      case Primitive.ScatterElements scatter -> roundsOften(scatter.kind(), node);
      default -> false;
    };
  }

  private static boolean roundsOften(ScatterKind kind, Node node) {
    return (kind == ScatterKind.ADD || kind == ScatterKind.MUL)
        && switch (node.result().type().dtype()) {
          case F16, BF16 -> true;
          default -> false;
        };
  }
}
