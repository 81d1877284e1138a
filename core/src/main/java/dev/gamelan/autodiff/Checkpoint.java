package dev.gamelan.autodiff;

import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A region whose intermediate values are not kept for the way back but computed again from its
 * inputs (Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174). The second
 * computation stands behind a barrier with the gradient, so that nothing merges it with the first.
 */
public record Checkpoint(Graph body) implements Composite {
  @Override
  public List<TensorType> infer(List<TensorType> inputs) {
    if (!inputs.equals(body.inputTypes())) {
      throw new IllegalArgumentException(
          "checkpoint: its body takes %s; got %s".formatted(body.inputTypes(), inputs));
    }
    return body.outputTypes();
  }

  @Override
  public List<Value> expand(GraphBuilder g, List<Value> inputs) {
    return g.inline(body, inputs);
  }

  @Override
  public Optional<List<Value>> vjp(
      GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
    var operands = new ArrayList<>(inputs);
    for (int i = 0; i < results.size(); i++) {
      if (results.get(i).type().dtype().isFloat()) operands.add(resultGradients.get(i));
    }
    var parameters =
        IntStream.range(0, inputs.size())
            .filter(i -> inputs.get(i).type().dtype().isFloat())
            .boxed()
            .toList();
    var held = g.addAll(new Primitive.Barrier(), operands);
    return Optional.of(g.inline(ReverseMode.vjp(body, parameters), held));
  }
}
