package dev.gamelan.tensor;

import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A lambda as a graph: the body of control flow, or a checkpointed region. What it uses from
 * outside becomes further inputs; so do the numbers in it, so that they may change without
 * compiling again.
 *
 * @param graph takes the arguments, then {@code captured}
 */
record Body(Graph graph, List<Tensor> captured) {
  static Body trace(List<TensorType> arguments, Function<List<Tensor>, List<Tensor>> function) {
    var context = Context.current();
    var recording = new Recording(Recording.Kind.BODY, context.recording());
    var placeholders = new ArrayList<LazyValue>();
    for (var type : arguments) {
      placeholders.add(new LazyValue(recording.placeholder(context.device(), type), 0));
    }
    try {
      var results =
          context
              .with(recording)
              .call(() -> function.apply(placeholders.stream().map(Tensor::new).toList()));
      var capture =
          new GraphCapture(
              value ->
                  value.node().op == null
                      || value.node().number
                      || value.node().recording != recording);
      placeholders.forEach(capture::addLeaf);
      var outputs = results.stream().map(Tensor::lazy).toList();
      outputs.forEach(capture::add);
      var captured = capture.leaves().stream().skip(arguments.size()).map(Tensor::new).toList();
      return new Body(capture.graph(outputs), captured);
    } finally {
      recording.close();
    }
  }
}
