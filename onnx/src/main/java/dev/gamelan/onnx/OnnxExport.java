package dev.gamelan.onnx;

import dev.gamelan.ir.Graph;
import dev.gamelan.nn.Layer;
import dev.gamelan.onnx.write.ModelWriter;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * Writes models as ONNX files of opset 21. Shapes are those of the example types, as they are in
 * our graphs. Parameters keep their names; weights of more than 1 GiB go to a file {@code
 * NAME.data} beside the model.
 */
public final class OnnxExport {
  private OnnxExport() {}

  /**
   * Writes what {@code function} computes with the parameters of {@code model}, in the current
   * mode: inference, unless another is set.
   *
   * @param inputs names and types of the function's arguments, in order
   * @param outputs names of its results
   * @throws OnnxException if it has something that opset 21 has not, naming it
   */
  public static void write(
      Path file,
      Layer model,
      SequencedMap<String, TensorType> inputs,
      List<String> outputs,
      Function<List<Tensor>, List<Tensor>> function)
      throws IOException {
    var traced = Tensors.traceAll(function, List.copyOf(inputs.values()));
    var known = new HashMap<Parameter, String>();
    model.state().forEach((name, parameter) -> known.put(parameter, name));
    var names = new ArrayList<>(inputs.keySet());
    var parameters = new LinkedHashMap<String, Parameter>();
    var weights = new LinkedHashMap<String, Tensor>();
    for (var input : traced.inputs()) {
      var name = "constant_" + weights.size();
      if (input instanceof Parameter parameter) {
        name = known.getOrDefault(parameter, "parameter_" + weights.size());
        parameters.put(name, parameter);
      }
      names.add(name);
      weights.put(name, input.value());
    }
    weights.putAll(Tensors.snapshot(parameters));
    write(file, traced.graph(), names, outputs, weights);
  }

  /** As above, of one tensor to one, which are called {@code input} and {@code output}. */
  public static void write(
      Path file, Layer model, TensorType input, Function<Tensor, Tensor> function)
      throws IOException {
    var inputs = new LinkedHashMap<String, TensorType>();
    inputs.put("input", input);
    write(
        file,
        model,
        inputs,
        List.of("output"),
        arguments -> List.of(function.apply(arguments.getFirst())));
  }

  /**
   * Writes a graph.
   *
   * @param inputs names of its inputs, in order
   * @param outputs names of its outputs
   * @param weights tensors for those inputs that are no arguments, by name
   */
  public static void write(
      Path file,
      Graph graph,
      List<String> inputs,
      List<String> outputs,
      Map<String, Tensor> weights)
      throws IOException {
    if (inputs.size() != graph.inputs().size() || outputs.size() != graph.outputs().size()) {
      throw new IllegalArgumentException(
          "the graph has %d inputs and %d outputs; got the names %s and %s"
              .formatted(graph.inputs().size(), graph.outputs().size(), inputs, outputs));
    }
    ModelWriter.checkNames(inputs, outputs);
    ModelWriter.write(file, graph, inputs, outputs, weights);
  }
}
