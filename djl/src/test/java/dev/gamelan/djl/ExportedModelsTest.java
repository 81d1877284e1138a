package dev.gamelan.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What we export, in the hands of those who have nothing of ours, and in ours again. */
class ExportedModelsTest {
  private static final TensorType IMAGE = TensorType.of(DType.F32, 2, 1, 8, 8);

  @TempDir Path folder;

  private static Sequential network() {
    var model =
        new Sequential(
            new Conv2d(1, 4, 3, new Convolution.Options(1, 0, 1, 1, true)),
            new BatchNorm(4),
            UnaryLayer.of(Tensor::relu),
            UnaryLayer.of(x -> x.reshape(x.dim(0), 4 * 6 * 6)),
            new LayerNorm(4 * 6 * 6),
            new Linear(4 * 6 * 6, 5));
    model.initialize(RandomKey.of(3));
    return model;
  }

  private static SequencedMap<String, TensorType> image() {
    var inputs = new LinkedHashMap<String, TensorType>();
    inputs.put("image", IMAGE);
    return inputs;
  }

  private static Tensor ramp() {
    var values = new float[(int) IMAGE.size()];
    for (int i = 0; i < values.length; i++) values[i] = i / (float) values.length;
    return Tensor.of(values, IMAGE.shape().dims());
  }

  private static List<Tensor> scores(Sequential model, Tensor image) {
    var scores = model.forward(image);
    return List.of(scores.softmax(1), scores);
  }

  @Test
  void plainDjlRunsATorchScriptFile() throws Exception {
    var model = network();
    var file = folder.resolve("model.pt");
    TorchScriptExport.write(
        file,
        model,
        image(),
        in -> {
          var scores = model.forward(in.getFirst());
          return List.of(scores.softmax(1), scores.argMax(1).convert(DType.I64));
        });
    var results = run(List.of(), "PyTorch", file, "model");
    var scores = model.forward(ramp());
    assertArrayEquals(scores.softmax(1).toFloatArray(), floats(results.get(0)), 1e-5f);
    var classes = scores.argMax(1).toIntArray();
    assertEquals(classes[0] + " " + classes[1], results.get(1).replaceAll(".* = ", ""));
  }

  @Test
  void plainDjlRunsASavedModel() throws Exception {
    var model = network();
    var saved = folder.resolve("model");
    SavedModelExport.write(
        saved,
        model,
        image(),
        List.of("probabilities", "classes"),
        in -> {
          var scores = model.forward(in.getFirst());
          return List.of(scores.softmax(1), scores.argMax(1).convert(DType.I64));
        });
    var library = "-DTENSORFLOW_LIBRARY_PATH=" + tensorFlow();
    var results = run(List.of(library), "TensorFlow", saved, "model");
    var scores = model.forward(ramp());
    assertArrayEquals(
        scores.softmax(1).toFloatArray(), floats(named(results, "probabilities")), 1e-5f);
    var classes = scores.argMax(1).toIntArray();
    assertEquals(classes[0] + " " + classes[1], named(results, "classes").replaceAll(".* = ", ""));
    try (var loaded = ForeignModel.savedModel(saved)) {
      assertEquals("[image: f32[2,1,8,8]]", loaded.inputs().toString());
      assertArrayEquals(
          scores.softmax(1).toFloatArray(),
          loaded.call(Map.of("image", ramp())).get("probabilities").toFloatArray(),
          1e-5f);
    }
  }

  @Test
  void plainDjlRunsAnMxNetPair() throws Exception {
    var model = network();
    var pair = folder.resolve("pair");
    var names = List.of("probabilities", "scores");
    MxNetExport.write(pair, "net", model, image(), names, in -> scores(model, in.getFirst()));
    var results = run(List.of(), "MXNet", pair, "net");
    var expected = scores(model, ramp());
    for (int i = 0; i < 2; i++) {
      assertArrayEquals(expected.get(i).toFloatArray(), floats(results.get(i)), 1e-5f);
    }
    try (var loaded =
        ForeignModel.mxnet(pair.resolve("net-symbol.json"), pair.resolve("net-0000.params"))) {
      assertEquals("[image: f32[2,1,8,8]]", loaded.inputs().toString());
      assertArrayEquals(
          expected.get(1).toFloatArray(),
          loaded.call(Map.of("image", ramp())).get("scores").toFloatArray(),
          1e-5f);
    }
  }

  @Test
  void whatMxNetHasNoOpForIsRefusedByNameAndNoFileIsLeft() throws IOException {
    var error =
        assertThrows(
            EngineException.class,
            () ->
                MxNetExport.write(
                    folder,
                    "largest",
                    new Sequential(),
                    image(),
                    List.of("y"),
                    in -> List.of(in.getFirst().argMax(3))));
    assertTrue(error.getMessage().contains("arg_reduce"), error.getMessage());
    var empty = new LinkedHashMap<>(Map.of("x", TensorType.of(DType.F32, 0, 2)));
    assertThrows(
        EngineException.class,
        () -> MxNetExport.write(folder, "empty", new Sequential(), empty, List.of("y"), in -> in));
    try (var left = Files.list(folder)) {
      assertEquals(0, left.count());
    }
  }

  /** A folder with the library that our engine unpacks, and what TensorFlow for Java adds to it. */
  private Path tensorFlow() throws IOException {
    var engine = Engines.get("tensorflow");
    var about = engine.info(engine.devices().getFirst()).details().getFirst();
    var unpacked = Path.of(about.substring(about.indexOf('/')));
    var libraries = Files.createDirectory(folder.resolve("libraries"));
    try (var files = Files.list(unpacked)) {
      for (var file : (Iterable<Path>) files::iterator) {
        Files.createSymbolicLink(libraries.resolve(file.getFileName()), file);
      }
    }
    var name = "libjnitensorflow.so";
    try (var in = resource("org/tensorflow/internal/c_api/linux-x86_64/" + name)) {
      Files.copy(in, libraries.resolve(name));
    }
    return libraries;
  }

  private static InputStream resource(String name) {
    var in = ExportedModelsTest.class.getClassLoader().getResourceAsStream(name);
    if (in == null) throw new AssertionError(name);
    return in;
  }

  private List<String> run(List<String> options, String engine, Path path, String name)
      throws IOException, InterruptedException {
    var output = folder.resolve("output").toFile();
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-Dai.djl.offline=true");
    command.addAll(options);
    var classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    var shape = IMAGE.shape().toString().replaceAll("[\\[\\] ]", "");
    command.addAll(
        List.of("-cp", classPath, PlainDjl.class.getName(), engine, path.toString(), name, shape));
    var process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output).start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES));
    var lines = Files.readAllLines(output.toPath());
    assertEquals(0, process.exitValue(), lines.toString());
    return lines.stream().filter(line -> line.matches("\\w+ = [-0-9.eE ]+")).toList();
  }

  private static String named(List<String> results, String name) {
    return results.stream().filter(line -> line.startsWith(name + " = ")).findFirst().orElseThrow();
  }

  private static float[] floats(String result) {
    var words = Arrays.asList(result.replaceAll(".* = ", "").split(" ", -1));
    var floats = new float[words.size()];
    for (int i = 0; i < floats.length; i++) floats[i] = Float.parseFloat(words.get(i));
    return floats;
  }
}
