package dev.gamelan.exchange;

import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an input of a graph becomes in a file of another framework.
 *
 * @param name an argument's or a weight's; a format replaces what it allows in no name
 * @param value a weight's elements, or null for an argument
 */
public record ExportInput(String name, @Nullable MemorySegment value) {
  /**
   * @param inputs one for each input of the graph
   * @throws IllegalArgumentException if they are not as many, a weight has not the bytes of its
   *     type, there are no outputs, or an argument or output has a storage dtype, which the
   *     frameworks have no tensors of
   */
  public static void check(Graph graph, List<ExportInput> inputs) {
    if (inputs.size() != graph.inputs().size()) {
      throw new IllegalArgumentException(
          "the graph has %d inputs; got %d".formatted(graph.inputs().size(), inputs.size()));
    }
    for (int i = 0; i < inputs.size(); i++) {
      var type = graph.inputTypes().get(i);
      var value = inputs.get(i).value();
      if (value == null) checkType(type, inputs.get(i).name());
      else if (value.byteSize() != type.bytes()) {
        throw new IllegalArgumentException(
            "%s: %s has %d bytes; got %d"
                .formatted(inputs.get(i).name(), type, type.bytes(), value.byteSize()));
      }
    }
    if (graph.outputs().isEmpty()) throw new IllegalArgumentException("a model without outputs");
    graph.outputTypes().forEach(type -> checkType(type, "an output"));
  }

  private static void checkType(TensorType type, String what) {
    if (type.dtype().isStorage()) {
      throw new IllegalArgumentException(
          "%s is %s, of a dtype that is for storage; convert it".formatted(what, type));
    }
  }
}
