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
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a model that PyTorch in Python wrote and ran: tools/golden_torchscript.py. */
class ForeignModelTest {
  private static final JsonNode GOLDEN = golden();

  private static JsonNode golden() {
    try {
      return new ObjectMapper().readTree(resource("two_heads.json").toFile());
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
    var values = GOLDEN.get(name);
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
