package dev.gamelan.djl;

import dev.gamelan.mxnet.SymbolFile;
import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * Writes models as the pairs of files that MXNet and DJL load without Gamelan, {@code
 * NAME-symbol.json} and {@code NAME-0000.params}. Shapes are those of the example types. Needs the
 * artifact {@code gamelan-mxnet}.
 */
public final class MxNetExport {
  private MxNetExport() {}

  /**
   * Writes what {@code function} computes with the parameters of {@code model}, in the current
   * mode: inference, unless another is set. A scalar result is an array of one element there.
   *
   * @param folder made if need be
   * @param name of the files before their endings
   * @param inputs names and types of the function's arguments, in order
   * @param outputs a name for each result
   * @throws IllegalArgumentException if an argument or result has a storage dtype, or names are
   *     alike
   * @throws dev.gamelan.engine.EngineException naming an op or dtype that MXNet has not
   */
  public static void write(
      Path folder,
      String name,
      Layer model,
      SequencedMap<String, TensorType> inputs,
      List<String> outputs,
      Function<List<Tensor>, List<Tensor>> function)
      throws IOException {
    TracedModel.write(
        Artifact.MXNET,
        model,
        inputs,
        function,
        traced -> SymbolFile.write(folder, name, traced.graph(), traced.inputs(), outputs));
  }
}
