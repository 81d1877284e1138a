package dev.gamelan.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.DataLoader;
import dev.gamelan.io.HostArray;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.optim.AdamW;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.train.Trainer;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models as PyTorch's exporters write them; tools/golden_onnx.py made them. */
class ExportedModelTest {
  /** Of the largest element: sums of some hundred products, in another order. */
  private static final double TOLERANCE = 1e-4;

  static Path file(String name) {
    try {
      var url = Objects.requireNonNull(ExportedModelTest.class.getResource("models/" + name), name);
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static Map<String, Tensor> golden(String model) throws IOException {
    return SafeTensors.read(file(model.replaceAll("-.*", "") + ".safetensors"));
  }

  static Map<String, Tensor> inputs(Map<String, Tensor> golden) {
    var inputs = new LinkedHashMap<String, Tensor>();
    golden.forEach(
        (name, tensor) -> {
          if (name.startsWith("in.")) inputs.put(name.substring(3), tensor);
        });
    return inputs;
  }

  static void assertClose(String what, Tensor expected, Tensor actual) {
    assertEquals(expected.type(), actual.type(), what);
    var want = expected.toFloatArray();
    var got = actual.toFloatArray();
    // The gradient of a key's bias is 0, since softmax ignores what all scores share; what is
    // computed is noise of 1e-8.
    float scale = 0.01f;
    for (float x : want) scale = Math.max(scale, Math.abs(x));
    for (int i = 0; i < want.length; i++) {
      assertEquals(want[i], got[i], TOLERANCE * scale, what + " at " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet-dynamo", "resnet-script", "bert-dynamo", "bert-script", "gpt2-dynamo",
        "gpt2-script", "llama-dynamo", "llama-script", "mlp-dynamo", "mlp-script"
      })
  void givesWhatPyTorchGives(String name) throws IOException {
    var golden = golden(name);
    var model = OnnxModel.load(file(name + ".onnx"));
    for (int call = 0; call < 3; call++) {
      assertClose(name, golden.get("out"), model.run(inputs(golden)).get("out"));
    }
    assertTrue(!model.isStepwise(), "runs as one graph");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert-dynamo", "bert-script", "gpt2-dynamo", "llama-script"})
  void openSizesAreBoundAtTheCall(String name) throws IOException {
    var golden = golden(name);
    var model = OnnxModel.load(file(name + ".onnx"));
    // Causal or masked: the first row's first tokens alone. Of BERT, the row that is not masked.
    var inputs = new LinkedHashMap<String, Tensor>();
    inputs(golden).forEach((input, tensor) -> inputs.put(input, tensor.slice(0, 0, 1)));
    var expected = golden.get("out").slice(0, 0, 1);
    assertClose(name, expected, model.run(inputs).get("out"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mlp-dynamo", "mlp-script", "bert-dynamo", "bert-script"})
  void gradientsArePyTorchs(String name) throws IOException {
    var golden = golden(name);
    var layer = OnnxModel.load(file(name + ".onnx")).asLayer();
    var prefix = "grad." + name.replaceAll(".*-", "") + ".";
    var parameters = new ArrayList<Parameter>();
    var expected = new ArrayList<Tensor>();
    layer
        .namedParameters()
        .forEach(
            (path, parameter) -> {
              var gradient = golden.get(prefix + path);
              // An unused pooler has none, and constants of the exporter are no weights.
              if (gradient == null) return;
              parameters.add(parameter);
              expected.add(gradient);
            });
    long wanted = golden.keySet().stream().filter(key -> key.startsWith(prefix)).count();
    assertEquals(wanted, parameters.size());
    assertTrue(wanted >= (name.startsWith("mlp") ? 6 : 37), "weights: " + wanted);
    var gradients =
        Gradients.compute(
            parameters,
            () -> layer.forward(inputs(golden)).get("out").mul(golden.get("cotangent")).sum());
    for (int i = 0; i < parameters.size(); i++) {
      assertClose(name + " " + i, expected.get(i), gradients.of(parameters.get(i)));
    }
  }

  /** One whose runs are asynchronous, and that keeps every composite with a kernel of its own. */
  @ParameterizedTest
  @ValueSource(strings = {"resnet-dynamo", "bert-script", "gpt2-dynamo", "llama-script"})
  void anotherEngineGivesTheSame(String name) throws IOException {
    Devices.use(
        "strict:0",
        () -> {
          try {
            var golden = golden(name);
            var model = OnnxModel.load(file(name + ".onnx"));
            assertClose(name, golden.get("out"), model.run(inputs(golden)).get("out"));
            return null;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /** Two layers each: what exporters take apart is whole again. */
  @ParameterizedTest
  @CsvSource({
    "bert, gelu 2, layer_norm 5, scaled_dot_product_attention 2",
    "gpt2, gelu 2, layer_norm 5, scaled_dot_product_attention 2",
    "llama, silu 2, rms_norm 5, rotary_embedding 4"
  })
  void compositesAreFoundAgain(String model, String first, String second, String third)
      throws IOException {
    for (var exporter : List.of("-dynamo", "-script")) {
      var golden = golden(model + exporter);
      var types = new LinkedHashMap<String, TensorType>();
      inputs(golden).forEach((name, tensor) -> types.put(name, tensor.type()));
      var graph = OnnxModel.load(file(model + exporter + ".onnx")).graph(types);
      for (var wanted : List.of(first, second, third)) {
        var name = wanted.substring(0, wanted.indexOf(' '));
        long count = graph.nodes().stream().filter(n -> n.op().name().equals(name)).count();
        assertEquals(wanted, name + " " + count, model + exporter);
      }
    }
  }

  @Test
  void fineTuningLowersTheLoss() throws IOException {
    for (var name : List.of("mlp-dynamo", "bert-dynamo", "bert-script")) {
      var golden = golden(name);
      var layer = OnnxModel.load(file(name + ".onnx")).asLayer();
      var target = golden.get("cotangent");
      var optimizer = new AdamW(layer.parameters(), 0.01);
      var losses = new ArrayList<Float>();
      for (int step = 0; step < 12; step++) {
        var gradients =
            Gradients.compute(
                layer.parameters(),
                () -> {
                  var out = layer.forward(inputs(golden)).get("out");
                  return out.sub(target).square().mean();
                });
        optimizer.update(gradients);
        losses.add(gradients.loss().toFloat());
      }
      assertTrue(losses.getLast() < 0.7 * losses.getFirst(), name + losses);
    }
  }

  @Test
  void aTrainerRunsOneExecutableAStep() throws IOException {
    var golden = golden("mlp");
    var layer = OnnxModel.load(file("mlp-script.onnx")).asLayer();
    var before = layer.snapshot().get("0.weight").toFloatArray();
    var target = golden.get("cotangent");
    var x = golden.get("in.x");
    var trainer =
        new Trainer(
            layer,
            new AdamW(layer.parameters(), 0.01),
            batch -> layer.forward(x).sub(target).square().mean(),
            1);
    var dataset = ArrayDataset.of(HostArray.of(new float[8], 4, 2), HostArray.of(new float[4], 4));
    trainer.train(DataLoader.of(dataset, 4), 5);
    assertTrue(!Arrays.equals(before, layer.snapshot().get("0.weight").toFloatArray()));
  }

  @Test
  void frozenWeightsStayAsTheyAre() throws IOException {
    var layer = OnnxModel.load(file("mlp-dynamo.onnx")).asLayer(name -> name.startsWith("3."));
    assertEquals(Set.of("3.weight", "3.bias"), layer.namedParameters().keySet());
    var golden = golden("mlp");
    assertClose("frozen", golden.get("out"), layer.forward(golden.get("in.x")));
  }

  @Test
  void randomOperatorsDrawFromTheContextsKey(@TempDir Path folder) throws IOException {
    var like = TinyModel.node("RandomNormalLike", List.of("x"), List.of("y"));
    var model = new TinyModel().input("x", 4).output("y").add(like).load(folder);
    var inputs = Map.of("x", Tensor.of(new float[4]));
    var two =
        RandomKey.of(1).use(() -> List.of(model.run(inputs).get("y"), model.run(inputs).get("y")));
    var again = RandomKey.of(1).use(() -> model.run(inputs).get("y"));
    assertArrayEquals(two.getFirst().toFloatArray(), again.toFloatArray());
    assertNotEquals(two.getFirst().toFloatArray()[0], two.get(1).toFloatArray()[0]);
    var error = assertThrows(IllegalStateException.class, () -> model.run(inputs));
    assertTrue(error.getMessage().contains("RandomKey.of(seed).use"), error.getMessage());
  }
}
