package dev.gamelan.pass;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Computes equal ops of equal operands once. Barriers and custom calls stay apart. */
public final class CommonSubexpressionElimination implements Pass {
  private record Expression(Op op, List<Value> operands) {}

  @Override
  public Graph apply(Graph graph) {
    var seen = new HashMap<Expression, List<Value>>();
    return Rewrite.of(graph, (g, node, operands) -> merge(seen, g, node, operands));
  }

  private List<Value> merge(
      Map<Expression, List<Value>> seen, GraphBuilder g, Node node, List<Value> operands) {
    var op = Rewrite.bodies(node.op(), this::apply);
    if (op instanceof Primitive.Barrier || op instanceof Primitive.CustomCall) {
      return g.addNode(op, operands, node).results();
    }
    var expression = new Expression(op, operands);
    var earlier = seen.get(expression);
    if (earlier != null) return earlier;
    var results = g.addNode(op, operands, node).results();
    seen.put(expression, results);
    return results;
  }
}
