package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.onnx.OnnxExport;
import dev.gamelan.onnx.OnnxModel;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The networks of the examples in ONNX Runtime, and the commands for ONNX files. */
class ExportTest {
  private static final float TOLERANCE = 1e-5f;

  @TempDir Path folder;

  private static float[] images() {
    var random = new SplittableRandom(3);
    var pixels = new float[4 * 64];
    for (int i = 0; i < pixels.length; i++) pixels[i] = (float) random.nextDouble();
    return pixels;
  }

  private static OnnxTensor tensor(OrtEnvironment environment, Tensor x) throws OrtException {
    var dims = x.shape().dims();
    return x.dtype().isFloat()
        ? OnnxTensor.createTensor(environment, FloatBuffer.wrap(x.toFloatArray()), dims)
        : OnnxTensor.createTensor(environment, IntBuffer.wrap(x.toIntArray()), dims);
  }

  private static float[] runtime(Path file, Tensor input) throws OrtException {
    var environment = OrtEnvironment.getEnvironment();
    try (var session = environment.createSession(file.toString());
        var tensor = tensor(environment, input);
        var result = session.run(Map.of("input", tensor))) {
      var buffer = ((OnnxTensor) result.get(0)).getFloatBuffer();
      var elements = new float[buffer.remaining()];
      buffer.get(elements);
      return elements;
    }
  }

  private void check(UnaryLayer model, Tensor input) throws IOException, OrtException {
    model.initialize(RandomKey.of(5));
    var file = folder.resolve("model.onnx");
    OnnxExport.write(file, model, input.type(), model::forward);
    var expected = model.forward(input).toFloatArray();
    assertArrayEquals(expected, runtime(file, input), TOLERANCE);
    var again = OnnxModel.load(file);
    assertArrayEquals(
        expected, again.run(Map.of("input", input)).get("output").toFloatArray(), TOLERANCE);
    // Parameters keep their names.
    assertEquals(model.namedParameters().keySet(), again.asLayer().namedParameters().keySet());
  }

  @Test
  void theNetworkOfDigits() throws IOException, OrtException {
    check(Digits.model(), Tensor.of(images(), 4, 1, 8, 8));
  }

  @Test
  void theNetworkOfShakespeare() throws IOException, OrtException {
    var tokens = Tensor.of(new int[] {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}).reshape(2, 6);
    check(new Gpt(new Gpt.Config(65, 2, 4, 32, 16)), tokens);
  }

  @Test
  void theCommandsForOnnxFiles() throws IOException {
    var model = Digits.model();
    model.initialize(RandomKey.of(5));
    var input = Tensor.of(images(), 4, 1, 8, 8);
    var file = folder.resolve("case/model.onnx");
    OnnxExport.write(file, model, input.type(), model::forward);
    var inspected = Commands.output("inspect", file.toString());
    assertTrue(inspected.contains("input: f32[4,1,8,8]"), inspected);
    assertTrue(inspected.contains("2 BatchNormalization"), inspected);
    assertTrue(inspected.contains("imports      yes"), inspected);

    var golden = new LinkedHashMap<String, Tensor>();
    golden.put("in.input", input);
    golden.put("out", model.forward(input));
    SafeTensors.write(folder.resolve("io.safetensors"), golden);
    var parity =
        Commands.output(
            "parity",
            "--model",
            file.toString(),
            "--repeat",
            "3",
            "--golden",
            folder.resolve("io.safetensors").toString());
    assertTrue(parity.contains("max abs error"), parity);
    assertTrue(parity.contains("cosine         1.000000"), parity);
    assertTrue(parity.contains("median"), parity);

    // Without data sets there is nothing to compare: the case passes.
    var tested = Commands.output("onnx-test", folder.toString());
    assertTrue(tested.endsWith("1 passed, 0 failed, 0 skipped\n"), tested);
    Files.write(file, new byte[] {1, 2, 3});
    var broken = Commands.error("inspect", file.toString());
    assertTrue(broken.contains("no ONNX model"), broken);
  }
}
