package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Value;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Runs a model whose shapes depend on its data while it is imported: what the import has appended
 * becomes lazy tensors, and where it asks for numbers they are evaluated up to there, as one
 * compiled graph.
 */
final class Stepwise {
  private final Function<Plan.Source, Tensor> bind;
  private final Map<Value, Tensor> tensors = new HashMap<>();
  private int inputs;
  private int nodes;

  /**
   * @param bind the tensor of an input of the graph
   */
  Stepwise(Function<Plan.Source, Tensor> bind) {
    this.bind = bind;
  }

  Array evaluate(Importer importer, Value value) {
    return HostTensors.array(tensor(importer, value));
  }

  List<Tensor> results(Importer importer, List<Operand> outputs) {
    var results = new ArrayList<Tensor>();
    for (var output : outputs) {
      results.add(
          output instanceof Operand.Known known
              ? HostTensors.constant(known.array())
              : tensor(importer, importer.root().value(output)));
    }
    return results;
  }

  private Tensor tensor(Importer importer, Value value) {
    var g = importer.root().g;
    var sources = Plan.sources(importer);
    for (; inputs < sources.size(); inputs++) {
      tensors.put(g.inputs().get(inputs), bind.apply(sources.get(inputs)));
    }
    var all = g.nodes();
    for (; nodes < all.size(); nodes++) {
      var node = all.get(nodes);
      var operands = node.inputs().stream().map(this::get).toList();
      var results = Tensor.applyAll(node.op(), operands);
      for (int i = 0; i < results.size(); i++) tensors.put(node.results().get(i), results.get(i));
    }
    return get(value);
  }

  private Tensor get(Value value) {
    var tensor = tensors.get(value);
    if (tensor == null) throw new IllegalStateException(value + " is of no node");
    return tensor;
  }
}
