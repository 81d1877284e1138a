package dev.gamelan.tensor;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;

/** Bodies that capture different tensors, made to take the same ones. */
record Captures(List<Graph> graphs, List<Tensor> tensors) {
  /** Each body takes {@code arguments} arguments before what it captured. */
  static Captures merge(int arguments, List<Body> bodies) {
    var distinct = new LinkedHashSet<LazyValue>();
    for (var body : bodies) {
      for (var tensor : body.captured()) distinct.add(tensor.lazy());
    }
    var places = List.copyOf(distinct);
    var types =
        new ArrayList<TensorType>(bodies.getFirst().graph().inputTypes().subList(0, arguments));
    places.forEach(value -> types.add(value.type()));
    var graphs = new ArrayList<Graph>();
    for (var body : bodies) {
      graphs.add(
          GraphBuilder.trace(
              types,
              (g, inputs) -> {
                var own = new ArrayList<>(inputs.subList(0, arguments));
                for (var tensor : body.captured()) {
                  own.add(inputs.get(arguments + places.indexOf(tensor.lazy())));
                }
                return g.inline(body.graph(), own);
              }));
    }
    return new Captures(graphs, places.stream().map(Tensor::new).toList());
  }
}
