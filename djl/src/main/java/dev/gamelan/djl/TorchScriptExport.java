package dev.gamelan.djl;

import dev.gamelan.nn.Layer;
import dev.gamelan.pytorch.TorchScriptFile;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Path;
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
    TracedModel.write(
        Artifact.PYTORCH,
        model,
        inputs,
        function,
        traced -> TorchScriptFile.write(file, traced.graph(), traced.inputs()));
  }
}
