package dev.gamelan.pass;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Value;
import java.util.BitSet;

/** Drops nodes that no output depends on; inputs stay. Bodies are cleaned of theirs. */
public final class DeadNodeElimination implements Pass {
  @Override
  public Graph apply(Graph graph) {
    var live = new BitSet();
    graph.outputs().forEach(output -> live.set(output.node()));
    for (var node : graph.nodes().reversed()) {
      if (live.get(node.id())) node.inputs().forEach(input -> live.set(input.node()));
    }
    var g = new GraphBuilder();
    var replacement = new GraphBuilder.Replacement();
    for (Value input : graph.inputs()) replacement.put(input, g.input(input.type()));
    for (var node : graph.nodes()) {
      if (!live.get(node.id())) continue;
      var op = Rewrite.bodies(node.op(), this::apply);
      replacement.put(node, g.addNode(op, replacement.get(node.inputs()), node).results());
    }
    return g.build(replacement.outputs(graph));
  }
}
