package dev.gamelan.pass;

import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Value;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.function.BiPredicate;

/** Replaces every composite that the engine does not keep by its expansion, bodies included. */
public final class CompositeExpansion implements Pass {
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
    return Rewrite.of(graph, this::expand);
  }

  private List<Value> expand(GraphBuilder g, Node node, List<Value> operands) {
    var types = operands.stream().map(Value::type).toList();
    if (node.op() instanceof Composite composite && !keeps.test(composite, types)) {
      // The expansion may hold composites again.
      return g.inline(apply(GraphBuilder.trace(types, composite::expand)), operands);
    }
    return g.addAll(Rewrite.bodies(node.op(), this::apply), operands);
  }
}
