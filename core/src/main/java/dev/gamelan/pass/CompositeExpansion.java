package dev.gamelan.pass;

import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Value;
import dev.gamelan.type.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;

/** Replaces every composite that the engine does not keep by its expansion, bodies included. */
public final class CompositeExpansion implements Pass {
  /** A composite on operands of these types. */
  private record Use(Composite op, List<TensorType> types) {}

  private final BiPredicate<Composite, List<TensorType>> keeps;

  public CompositeExpansion(BiPredicate<Composite, List<TensorType>> keeps) {
    this.keeps = keeps;
  }

  /** To primitives only. */
  public static CompositeExpansion full() {
    return new CompositeExpansion((op, types) -> false);
  }

  @Override
  public Graph apply(Graph graph) {
    return apply(graph, new HashMap<>());
  }

  /** Layers are alike, so each expansion is traced once. */
  private Graph apply(Graph graph, Map<Use, Graph> expansions) {
    return Rewrite.of(graph, (g, node, operands) -> expand(g, node, operands, expansions));
  }

  private List<Value> expand(
      GraphBuilder g, Node node, List<Value> operands, Map<Use, Graph> expansions) {
    if (node.op() instanceof Composite composite) {
      var types = operands.stream().map(Value::type).toList();
      if (!keeps.test(composite, types)) {
        var use = new Use(composite, types);
        var expansion = expansions.get(use);
        if (expansion == null) {
          // It may hold composites again.
          expansion = apply(GraphBuilder.trace(types, composite::expand), expansions);
          expansions.put(use, expansion);
        }
        return g.inline(expansion, operands);
      }
    }
    return g.addNode(Rewrite.bodies(node.op(), body -> apply(body, expansions)), operands, node)
        .results();
  }
}
