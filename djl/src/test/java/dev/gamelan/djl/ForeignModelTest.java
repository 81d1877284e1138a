package dev.gamelan.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against models that their frameworks wrote and ran: tools/golden_torchscript.py for PyTorch. */
class ForeignModelTest {
  private static final JsonNode GOLDEN = golden("two_heads.json");

  private static JsonNode golden(String name) {
    try {
      return new ObjectMapper().readTree(resource(name).toFile());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Path resource(String name) {
    try {
      var url = ForeignModelTest.class.getResource("/" + name);
      if (url == null) throw new AssertionError(name);
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static float[] floats(String name) {
    return floats(GOLDEN.get(name));
  }

  private static float[] floats(JsonNode values) {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) floats[i] = (float) values.get(i).asDouble();
    return floats;
  }

  private static Tensor[] inputs() {
    return new Tensor[] {Tensor.of(floats("x"), 2, 4), Tensor.of(floats("mask"), 8)};
  }

  private static void assertGolden(List<Tensor> results) {
    assertEquals(2, results.size());
    assertArrayEquals(floats("probabilities"), results.get(0).toFloatArray(), 1e-6f);
    assertEquals(DType.I64, results.get(1).dtype());
    assertEquals(GOLDEN.get("largest").get(1).asLong(), results.get(1).toLongArray()[1]);
  }

  @Test
  void aTorchScriptFileGivesWhatPyTorchGave() throws IOException {
    try (var model = ForeignModel.torchScript(resource("two_heads.pt"))) {
      assertGolden(model.call(inputs()));
      assertGolden(model.call(inputs()));
    }
  }

  @Test
  void itsFileNamesTheInputsAndCountsTheResults() throws IOException {
    try (var model = ForeignModel.torchScript(resource("two_heads.pt"))) {
      assertEquals("[x: ?[..], mask: ?[..]]", model.inputs().toString());
      assertEquals("[0: ?[..], 1: ?[..]]", model.outputs().toString());
      var named = model.call(Map.of("mask", inputs()[1], "x", inputs()[0]));
      assertGolden(List.copyOf(named.values()));
      assertThrows(IllegalArgumentException.class, () -> model.call(Map.of("y", inputs()[0])));
    }
  }

  /** Written and run by TensorFlow for Java: tools/GoldenSavedModel.java. */
  @Test
  void aSavedModelGivesWhatTensorFlowGave() throws IOException {
    var golden = golden("two_heads_tf.json");
    try (var model = ForeignModel.savedModel(resource("two_heads_tf"))) {
      assertEquals("[mask: f32[3], x: f32[?,4]]", model.inputs().toString());
      assertEquals("[largest: i64[?], probabilities: f32[?,3]]", model.outputs().toString());
      var x = Tensor.of(floats(golden.get("x")), 2, 4);
      var mask = Tensor.of(floats(golden.get("mask")), 3);
      var results = model.call(Map.of("x", x, "mask", mask));
      assertArrayEquals(
          floats(golden.get("probabilities")), results.get("probabilities").toFloatArray(), 1e-6f);
      assertEquals(golden.get("largest").get(1).asLong(), results.get("largest").toLongArray()[1]);
      var wrong = assertThrows(IllegalArgumentException.class, () -> model.call(x, mask));
      assertTrue(wrong.getMessage().contains("mask: f32[3]"), wrong.getMessage());
    }
  }

  @Test
  void djlIsKeptFromFetchingAnything() throws IOException {
    ForeignModel.torchScript(resource("two_heads.pt")).close();
    assertEquals("true", System.getProperty("ai.djl.offline"));
  }

  @Test
  void aClosedModelIsAnError() throws IOException {
    var model = ForeignModel.torchScript(resource("two_heads.pt"));
    model.close();
    model.close();
    assertThrows(RuntimeException.class, () -> model.call(inputs()));
  }

  @Test
  void severalThreadsMayCallIt() throws IOException {
    try (var model = ForeignModel.torchScript(resource("two_heads.pt"))) {
      IntStream.range(0, 200).parallel().forEach(i -> assertGolden(model.call(inputs())));
    }
  }

  @Test
  void insideOfACompiledFunctionItIsAnError() throws IOException {
    try (var model = ForeignModel.torchScript(resource("two_heads.pt"))) {
      var compiled =
          CompiledFunction.of(in -> model.call(in.getFirst(), Tensor.of(floats("mask"), 8)));
      assertThrows(IllegalStateException.class, () -> compiled.call(List.of(inputs()[0])));
    }
  }

  @Test
  void inputsThatItDoesNotTakeAreAnError() throws IOException {
    try (var model = ForeignModel.torchScript(resource("two_heads.pt"))) {
      assertThrows(IllegalArgumentException.class, () -> model.call(inputs()[0]));
      assertThrows(
          IllegalArgumentException.class,
          () -> model.call(Tensor.of(new float[10], 2, 5), inputs()[1]));
      assertGolden(model.call(inputs()));
    }
  }

  @Test
  void aFileThatIsNoneIsNamed(@TempDir Path folder) throws IOException {
    var missing = folder.resolve("none.pt");
    assertThrows(FileNotFoundException.class, () -> ForeignModel.torchScript(missing));
    var broken = Files.write(folder.resolve("broken.pt"), new byte[1000]);
    var e = assertThrows(IOException.class, () -> ForeignModel.torchScript(broken));
    assertTrue(e.getMessage().contains("broken.pt"), e.getMessage());
    var whole = Files.readAllBytes(resource("two_heads.pt"));
    for (int bytes : new int[] {10, whole.length / 2, whole.length - 10}) {
      var cut = Files.write(folder.resolve("cut.pt"), Arrays.copyOf(whole, bytes));
      assertThrows(IOException.class, () -> ForeignModel.torchScript(cut));
    }
  }
}
