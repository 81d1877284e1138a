package dev.gamelan.djl;

import dev.gamelan.nn.Layer;
import dev.gamelan.pytorch.TorchScriptFile;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * Writes models as TorchScript files, which {@code torch.jit.load} and DJL load without Gamelan.
 * Shapes are those of the example types. Needs the artifact {@code gamelan-pytorch}.
 */
public final class TorchScriptExport {
  private TorchScriptExport() {}

  /**
   * Writes what {@code function} computes with the parameters of {@code model}, in the current
   * mode: inference, unless another is set. The file's {@code forward} takes the arguments in their
   * order; its buffers have the parameters' names, with underscores for dots.
   *
   * @param inputs names and types of the function's arguments, in order
   * @throws IllegalArgumentException if an argument or result has a storage dtype
   * @throws dev.gamelan.engine.EngineException naming the op or dtype that PyTorch has not
   */
  public static void write(
      Path file,
      Layer model,
      SequencedMap<String, TensorType> inputs,
      Function<List<Tensor>, List<Tensor>> function)
      throws IOException {
    var traced = Tensors.traceAll(function, List.copyOf(inputs.values()));
    var known = new HashMap<Parameter, String>();
    model.state().forEach((name, parameter) -> known.put(parameter, name));
    var parameters = new LinkedHashMap<Integer, Parameter>();
    for (int i = 0; i < traced.inputs().size(); i++) {
      if (traced.inputs().get(i) instanceof Parameter parameter) parameters.put(i, parameter);
    }
    var values = Tensors.snapshot(parameters); // Of one moment, also while a training goes on.
    try (var arena = Arena.ofConfined()) {
      var all = new ArrayList<TorchScriptFile.Input>();
      inputs.keySet().forEach(name -> all.add(new TorchScriptFile.Input(name, null)));
      for (int i = 0; i < traced.inputs().size(); i++) {
        var parameter = parameters.get(i);
        var name = parameter == null ? "constant" : known.getOrDefault(parameter, "parameter");
        var value = values.getOrDefault(i, traced.inputs().get(i).value());
        all.add(new TorchScriptFile.Input(name, bytes(value, arena)));
      }
      TorchScriptFile.write(file, traced.graph(), all);
    }
  }

  private static MemorySegment bytes(Tensor tensor, Arena arena) {
    var bytes = arena.allocate(tensor.type().bytes(), Long.BYTES);
    tensor.read(bytes);
    return bytes;
  }
}
