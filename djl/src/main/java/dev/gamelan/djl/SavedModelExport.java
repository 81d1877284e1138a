package dev.gamelan.djl;

import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensorflow.SavedModelFile;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * Writes models as TensorFlow SavedModels, which TensorFlow in Python, its serving and DJL load
 * without Gamelan. Shapes are those of the example types. Needs the artifact {@code
 * gamelan-tensorflow}.
 */
public final class SavedModelExport {
  private SavedModelExport() {}

  /**
   * Writes what {@code function} computes with the parameters of {@code model}, in the current
   * mode: inference, unless another is set. The signature {@code serving_default} takes the
   * arguments and gives the outputs by their names.
   *
   * @param folder made if need be; gets a file {@code saved_model.pb}
   * @param inputs names and types of the function's arguments, in order
   * @param outputs a name for each result
   * @throws IllegalArgumentException if an argument or result has a storage dtype, names are alike,
   *     or all of it is 2 GiB or more
   */
  public static void write(
      Path folder,
      Layer model,
      SequencedMap<String, TensorType> inputs,
      List<String> outputs,
      Function<List<Tensor>, List<Tensor>> function)
      throws IOException {
    TracedModel.write(
        Artifact.TENSORFLOW,
        model,
        inputs,
        function,
        traced -> SavedModelFile.write(folder, traced.graph(), traced.inputs(), outputs));
  }
}
