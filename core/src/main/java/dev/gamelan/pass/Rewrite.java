package dev.gamelan.pass;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Value;
import java.util.List;
import java.util.function.UnaryOperator;

/** Copies a graph node by node, letting a rule put something else in a node's place. */
public final class Rewrite {
  /** Appends what stands for {@code node}, whose operands are now {@code operands}. */
  @FunctionalInterface
  public interface Rule {
    List<Value> apply(GraphBuilder g, Node node, List<Value> operands);
  }

  private Rewrite() {}

  public static Graph of(Graph graph, Rule rule) {
    var g = new GraphBuilder();
    var replacement = new GraphBuilder.Replacement();
    for (var input : graph.inputs()) replacement.put(input, g.input(input.type()));
    for (var node : graph.nodes()) {
      replacement.put(node, rule.apply(g, node, replacement.get(node.inputs())));
    }
    return g.build(replacement.outputs(graph));
  }

  /** {@code op} with the graphs that it holds rewritten. */
  static Op bodies(Op op, UnaryOperator<Graph> rewrite) {
    var bodies = op.bodies();
    return bodies.isEmpty() ? op : op.withBodies(bodies.stream().map(rewrite).toList());
  }
}
