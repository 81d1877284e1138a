package dev.gamelan.onnx;

import dev.gamelan.onnx.read.ModelFile;
import dev.gamelan.onnx.read.Program;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;

/**
 * An ONNX model that trains: floating-point initializers are its parameters, named as in the file.
 * Batch norms keep the statistics of the file; dropout that the exporter left out stays out.
 */
public final class OnnxLayer extends ParameterTree {
  private final ModelFile file;
  private final Program program;

  OnnxLayer(ModelFile file, Predicate<String> trainable) {
    this.file = file;
    var weights = file.parameters();
    weights.keySet().removeIf(trainable.negate());
    var parameters = new LinkedHashMap<String, Parameter>();
    weights.forEach(
        (name, weight) -> parameters.put(name, add(path(name, weights.keySet()), weight)));
    this.program = file.program().with(parameters);
  }

  /**
   * The outputs by name, as {@link OnnxModel#run}, with the parameters' current values.
   *
   * @throws IllegalArgumentException if an input is missing, left over, or of another type
   */
  public Map<String, Tensor> forward(Map<String, Tensor> inputs) {
    return file.named(program, inputs);
  }

  /** The first output of the only input. */
  public Tensor forward(Tensor input) {
    var inputs = file.inputs();
    if (inputs.size() != 1) {
      throw new IllegalArgumentException(
          "the model has %d inputs, %s; pass them by name".formatted(inputs.size(), inputs));
    }
    var outputs = forward(Map.of(inputs.getFirst().name(), input));
    return Objects.requireNonNull(outputs.values().iterator().next());
  }
}
