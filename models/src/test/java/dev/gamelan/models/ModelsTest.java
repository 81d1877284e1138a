package dev.gamelan.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gamelan.io.SafeTensors;
import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Against what PyTorch computes with the same weights; see tools/golden_models.py. */
class ModelsTest {
  @Test
  void bertGivesWhatTransformersGives() throws Exception {
    var golden = golden("bert");
    var bert = new Bert(new Bert.Config(50, 9, 2, 2, 4, 24, 40, 1e-12));
    load(bert, golden);
    var output = bert.forward(get(golden, "in.input_ids"), get(golden, "in.token_type_ids"));
    assertClose(get(golden, "out.last_hidden_state"), output.hidden());
    assertClose(get(golden, "out.pooler_output"), output.pooled());
  }

  @Test
  void gpt2GivesWhatTransformersGives() throws Exception {
    var golden = golden("gpt2");
    var gpt2 = new Gpt2(new Gpt2.Config(50, 9, 2, 4, 24));
    load(gpt2, golden);
    assertClose(get(golden, "out.logits"), gpt2.forward(get(golden, "in.input_ids")));
  }

  @Test
  void resNetGivesWhatTransformersGives() throws Exception {
    var golden = golden("resnet");
    var resNet = new ResNet(new ResNet.Config(3, 8, List.of(16L, 24L), List.of(2, 1), 5));
    load(resNet, golden);
    assertClose(get(golden, "out.logits"), resNet.forward(get(golden, "in.pixel_values")));
  }

  /** As their authors count them. */
  @Test
  void fullSizesHaveTheParametersOfTheirCheckpoints() {
    assertEquals(109_482_240, new Bert(Bert.Config.BASE).parameterCount());
    assertEquals(124_439_808, new Gpt2(Gpt2.Config.SMALL).parameterCount());
    assertEquals(25_557_032, new ResNet(ResNet.Config.RESNET_50).parameterCount());
  }

  @Test
  void headsThatDoNotDivideTheWidthAreRefused() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> new Gpt2.Config(50, 9, 2, 5, 24));
    assertEquals(
        "gpt2: the heads must divide the width; got 5 heads and width 24", error.getMessage());
  }

  private static Map<String, Tensor> golden(String name) throws IOException, URISyntaxException {
    var resource = Objects.requireNonNull(ModelsTest.class.getResource(name + ".safetensors"));
    return SafeTensors.read(Path.of(resource.toURI()));
  }

  private static void load(Layer model, Map<String, Tensor> golden) {
    var weights = new HashMap<>(golden);
    weights.keySet().removeIf(name -> name.startsWith("in.") || name.startsWith("out."));
    model.load(weights);
  }

  private static Tensor get(Map<String, Tensor> golden, String name) {
    return Objects.requireNonNull(golden.get(name));
  }

  /** Within 1e-5 of the largest element. */
  private static void assertClose(Tensor expected, Tensor actual) {
    assertEquals(expected.type(), actual.type());
    var a = expected.toFloatArray();
    var b = actual.toFloatArray();
    float scale = 0;
    for (float element : a) scale = Math.max(scale, Math.abs(element));
    for (int i = 0; i < a.length; i++) assertEquals(a[i], b[i], 1e-5f * scale, "element " + i);
  }
}
