package dev.gamelan.benchmarks;

import dev.gamelan.nn.Layer;
import dev.gamelan.onnx.OnnxExport;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * The folder that the processes of one run share, and their settings.
 *
 * @param threads each contender's
 */
public record Workspace(Path folder, int threads) {
  /** The same numbers in every process. */
  private static final RandomKey KEY = RandomKey.of(7);

  /** Gives a model the weights that every contender has. */
  <L extends Layer> L initialize(L model) {
    model.initialize(KEY);
    return model;
  }

  /** The model's ONNX file, written when first asked for. */
  Path onnx(
      String name,
      Layer model,
      SequencedMap<String, TensorType> inputs,
      List<String> outputs,
      Function<List<Tensor>, List<Tensor>> function)
      throws IOException {
    var file = folder.resolve(name + ".onnx");
    if (!Files.exists(file)) OnnxExport.write(file, initialize(model), inputs, outputs, function);
    return file;
  }

  void writeResult(String program, String contender, float[] result) {
    var bytes = ByteBuffer.allocate(4 * result.length).order(ByteOrder.nativeOrder());
    bytes.asFloatBuffer().put(result);
    try {
      Files.write(resultFile(program, contender), bytes.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  float[] readResult(String program, String contender) throws IOException {
    var bytes = Files.readAllBytes(resultFile(program, contender));
    var result = new float[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).asFloatBuffer().get(result);
    return result;
  }

  private Path resultFile(String program, String contender) {
    return folder.resolve(program + "-" + contender + ".result");
  }
}
