package dev.gamelan.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.io.ProtoWriter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are damaged, wrong or hostile: one clear error each. */
class BadModelTest {
  private static final int MUTATIONS = Integer.getInteger("gamelan.onnx.mutations", 400);

  @TempDir Path folder;

  private static final Map<String, Tensor> X = Map.of("x", Tensor.of(new float[] {1, 2, 3, 4}));

  private void fails(TinyModel model, String... words) {
    var message = assertThrows(OnnxException.class, () -> model.load(folder).run(X)).getMessage();
    for (var word : words) assertTrue(message.contains(word), message);
  }

  private static TinyModel model() {
    return new TinyModel().input("x", 4).output("y");
  }

  @Test
  void anUnknownOperatorIsNamedWithDomainOpsetAndNode() {
    fails(model().node("Frobnicate", "x", "y"), "Frobnicate", "ai.onnx", "21", "the Frobnicate");
  }

  @Test
  void aCycleAndADanglingNameAreNamed() {
    fails(model().node("Add", "x,b", "y").node("Relu", "y", "b"), "'b'", "cycle", "the Relu");
    fails(model().node("Add", "x,b", "y"), "'b'", "no input, no initializer");
    fails(model().node("Relu", "x", "z"), "'y'", "no node");
  }

  @Test
  void anAttributeOfAnotherTypeAndANameGivenTwiceAreNamed() {
    var text = new ProtoWriter().text(1, "axis").text(4, "one").integer(20, 3);
    fails(model().node("Softmax", "x", "y", text), "Softmax", "'axis' needs an integer", "type 3");
    fails(model().node("Relu", "x", "y").node("Neg", "x", "y"), "the Neg", "'y'", "already");
    fails(model().integers("n", 1, 2, 3, 4).node("Add", "x,n", "y"), "Add", "f32[4]", "i64[4]");
  }

  @Test
  void constantsDoNotFillMemory() {
    var model = model().integers("n", 1L << 40).node("ConstantOfShape", "n", "c");
    fails(model.node("ReduceSum", "c", "y"), "ConstantOfShape", "4096 GiB", "16 GiB");
    var pads = model().integers("p", 0, 1L << 40);
    var edge = new ProtoWriter().text(1, "mode").text(4, "edge").integer(20, 3);
    fails(pads.node("Pad", "x,p", "y", edge), "Pad", "at most");
  }

  @Test
  void aFunctionThatCallsItselfEnds() {
    var self = TinyModel.node("F", List.of("in"), List.of("out"));
    fails(model().function("F", self).node("F", "x", "y"), "nested more than 64 deep");
  }

  @Test
  void deeplyNestedGraphsEnd() {
    var inner = new TinyModel().node("Relu", "x", "y").output("y").graph();
    for (int depth = 0; depth < 400; depth++) {
      inner =
          new TinyModel()
              .add(
                  TinyModel.node(
                      "If",
                      List.of("x"),
                      List.of("y"),
                      TinyModel.graph("then_branch", inner),
                      TinyModel.graph(
                          "else_branch",
                          new TinyModel().node("Relu", "x", "y").output("y").graph())))
              .output("y")
              .graph();
    }
    var model = model();
    var deep = inner;
    fails(
        model.add(
            TinyModel.node(
                "If",
                List.of("x"),
                List.of("y"),
                TinyModel.graph("then_branch", deep),
                TinyModel.graph("else_branch", deep))),
        "nested more than");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../secret", "/etc/passwd", "absent", ""})
  void externalDataStaysInTheModelsFolder(String location) throws IOException {
    var models = Files.createDirectories(folder.resolve("models"));
    Files.write(folder.resolve("secret"), new byte[64]);
    var model = model().external("w", location, 0).node("Add", "x,w", "y");
    var error = assertThrows(OnnxException.class, () -> model.load(models).run(X));
    assertTrue(error.getMessage().contains("'w' lies in '" + location), error.getMessage());
  }

  @Test
  void aLinkOutOfTheFolderIsNotFollowed() throws IOException {
    var models = Files.createDirectories(folder.resolve("models"));
    Files.write(folder.resolve("secret"), new byte[64]);
    Files.createSymbolicLink(models.resolve("data"), folder.resolve("secret"));
    var model = model().external("w", "data", 0).node("Add", "x,w", "y");
    var error = assertThrows(OnnxException.class, () -> model.load(models).run(X));
    assertTrue(error.getMessage().contains("no file in the model's folder"), error.getMessage());
  }

  @Test
  void externalDataIsReadFromItsOffsetAndNotPastItsEnd() throws IOException {
    var bytes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 6; i++) bytes.putFloat(10 * i);
    Files.write(folder.resolve("data"), bytes.array());
    var good = model().external("w", "data", 8).node("Add", "x,w", "y");
    assertArrayEquals(
        new float[] {21, 32, 43, 54}, good.load(folder).run(X).get("y").toFloatArray());
    fails(model().external("w", "data", 12).node("Add", "x,w", "y"), "12 to 28", "24");
    fails(model().external("w", "data", -4).node("Add", "x,w", "y"), "-4");
  }

  @Test
  void aSummarySaysWhatWouldNotImport() throws IOException {
    var absent = model().external("w", "data", 0).node("Add", "x,w", "y").load(folder).summary();
    assertTrue(absent.contains("imports      no: tensor 'w' lies in 'data'"), absent);
    assertTrue(absent.contains("4 in 1 tensors"), absent);
    var unknown = model().node("Frobnicate", "x", "y").load(folder).summary();
    assertTrue(unknown.contains("no operator 'Frobnicate' (node 'the Frobnicate')"), unknown);
    var error = assertThrows(OnnxException.class, () -> OnnxModel.load(folder));
    assertTrue(error.getMessage().contains("is a folder"), error.getMessage());
  }

  @Test
  void inputsAreCheckedAgainstTheFile() throws IOException {
    var model =
        new TinyModel()
            .input("a", "batch", 3)
            .input("b", "batch")
            .output("y")
            .node("ReduceSum", "a", "y")
            .load(folder);
    var a = Tensor.of(new float[6], 2, 3);
    var wrong =
        List.of(
            Map.of("a", a),
            Map.of("a", a, "b", Tensor.of(new float[3])),
            Map.of("a", a, "b", Tensor.of(new double[2])),
            Map.of("a", Tensor.of(new float[4], 2, 2), "b", Tensor.of(new float[2])),
            Map.of("a", a, "b", Tensor.of(new float[2]), "c", a));
    var words =
        List.of("needs 'b: f32[batch]'", "2 for 'batch'", "f64[2]", "f32[2,2]", "no input 'c'");
    for (int i = 0; i < wrong.size(); i++) {
      var inputs = wrong.get(i);
      var error = assertThrows(IllegalArgumentException.class, () -> model.run(inputs));
      assertTrue(error.getMessage().contains(words.get(i)), error.getMessage());
    }
  }

  @Test
  void anOpsetThatIsNotReadIsNamed() throws IOException {
    var file = folder.resolve("new.onnx");
    Files.write(file, model().node("Relu", "x", "y").bytes(99));
    var error = assertThrows(OnnxException.class, () -> OnnxModel.load(file));
    assertTrue(error.getMessage().contains("opset 99"), error.getMessage());
  }

  @Test
  void everyPrefixOfAModelIsRefusedOrRuns() throws IOException {
    var whole = Files.readAllBytes(ExportedModelTest.file("mlp-dynamo.onnx"));
    for (int length = 0; length < whole.length; length++) tryAll(Arrays.copyOf(whole, length));
  }

  /** Set -Dgamelan.onnx.mutations=N for more. */
  @ParameterizedTest
  @ValueSource(strings = {"mlp-dynamo", "mlp-script", "resnet-dynamo", "gpt2-script"})
  void damagedModelsGiveOneKindOfError(String name) throws IOException {
    var whole = Files.readAllBytes(ExportedModelTest.file(name + ".onnx"));
    var random = new SplittableRandom(name.hashCode());
    for (int i = 0; i < MUTATIONS; i++) {
      var damaged = whole.clone();
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        // Most bytes are weights, whose damage nobody sees: the ends hold the structure.
        int range = random.nextBoolean() ? damaged.length : Math.min(damaged.length, 4000);
        damaged[random.nextInt(range)] = (byte) random.nextInt(256);
      }
      tryAll(damaged);
    }
  }

  private void tryAll(byte[] bytes) throws IOException {
    var file = folder.resolve("damaged.onnx");
    Files.write(file, bytes);
    try {
      var model = OnnxModel.load(file);
      model.summary();
      var types =
          Map.of(
              "x", TensorType.parse("f32[2,4]"),
              "pixel_values", TensorType.parse("f32[1,3,32,32]"),
              "input_ids", TensorType.parse("i64[1,3]"),
              "attention_mask", TensorType.parse("i64[1,3]"));
      var given = new LinkedHashMap<String, TensorType>();
      for (var port : model.inputs()) {
        var type = types.get(port.name());
        if (type != null) given.put(port.name(), type);
      }
      model.graph(given);
    } catch (OnnxException | IllegalArgumentException e) {
      assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), "an error says something");
    }
  }

  @Test
  void nothingIsWrongWithTheTinyModelsThemselves() throws IOException {
    var y = model().node("Relu", "x", "y").load(folder).run(X).get("y");
    assertEquals(TensorType.parse("f32[4]"), y.type());
  }
}
