package dev.gamelan.djl;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TorchScriptExportTest {
  @TempDir Path folder;

  private static Sequential network() {
    var model =
        new Sequential(
            new Conv2d(1, 4, 3, new Convolution.Options(1, 0, 1, 1, true)),
            UnaryLayer.of(Tensor::relu),
            UnaryLayer.of(x -> x.reshape(x.dim(0), 4 * 6 * 6)),
            new LayerNorm(4 * 6 * 6),
            new Linear(4 * 6 * 6, 5));
    model.initialize(RandomKey.of(3));
    return model;
  }

  private static SequencedMap<String, TensorType> one(String name, TensorType type) {
    var inputs = new LinkedHashMap<String, TensorType>();
    inputs.put(name, type);
    return inputs;
  }

  private static Tensor ramp(long... shape) {
    var values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) values[i] = i / (float) values.length;
    return Tensor.of(values, shape);
  }

  @Test
  void plainDjlInAnotherProcessComputesTheSame() throws Exception {
    var model = network();
    var file = folder.resolve("model.pt");
    TorchScriptExport.write(
        file,
        model,
        one("image", TensorType.of(DType.F32, 2, 1, 8, 8)),
        in -> {
          var scores = model.forward(in.getFirst());
          return List.of(scores.softmax(1), scores.argMax(1).convert(DType.I64));
        });
    var lines = run(file, "2,1,8,8");
    var scores = model.forward(ramp(2, 1, 8, 8));
    assertArrayEquals(scores.softmax(1).toFloatArray(), floats(lines.get(0)), 1e-5f);
    var classes = scores.argMax(1).toIntArray();
    assertEquals(classes[0] + " " + classes[1], lines.get(1));
  }

  private List<String> run(Path file, String shape) throws IOException, InterruptedException {
    var output = folder.resolve("output").toFile();
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var path =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    var process =
        new ProcessBuilder(
                java,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                path,
                PlainDjl.class.getName(),
                file.toString(),
                shape)
            .redirectErrorStream(true)
            .redirectOutput(output)
            .start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES));
    var lines = Files.readAllLines(output.toPath());
    assertEquals(0, process.exitValue(), lines.toString());
    return lines.stream().filter(line -> line.matches("[-0-9.eE ]+")).toList();
  }

  private static float[] floats(String line) {
    var words = line.split(" ", -1);
    var floats = new float[words.length];
    for (int i = 0; i < floats.length; i++) floats[i] = Float.parseFloat(words[i]);
    return floats;
  }

  @Test
  void oneResultIsATensorAndNamesAreKeptWherePythonAllows() throws IOException {
    var model = new Linear(3, 2);
    model.initialize(RandomKey.of(1));
    var file = folder.resolve("linear.pt");
    TorchScriptExport.write(
        file,
        model,
        one("class", TensorType.of(DType.F32, 4, 3)),
        in -> List.of(model.forward(in.getFirst())));
    var text = new String(Files.readAllBytes(file), ISO_8859_1);
    assertTrue(text.contains("class_: Tensor") && text.contains("weight : Tensor"), text);
    try (var loaded = ForeignModel.torchScript(file)) {
      assertArrayEquals(
          model.forward(ramp(4, 3)).toFloatArray(),
          loaded.call(ramp(4, 3)).getFirst().toFloatArray(),
          1e-6f);
    }
  }

  /** Arguments that are called as the source's own values would be. */
  @Test
  void argumentsMayHaveAnyNames() throws IOException {
    var inputs = new LinkedHashMap<String, TensorType>();
    for (var name : List.of("x1", "x0", "v0", "k0", "a b", "a.b", "1", "")) {
      inputs.put(name, TensorType.of(DType.F32));
    }
    var file = folder.resolve("names.pt");
    TorchScriptExport.write(
        file,
        new Sequential(),
        inputs,
        in -> {
          var sum = Tensors.zeros(DType.F32);
          for (int i = 0; i < in.size(); i++) sum = sum.mul(10).add(in.get(i));
          return List.of(sum);
        });
    try (var loaded = ForeignModel.torchScript(file)) {
      var digits = new Tensor[8];
      for (int i = 0; i < 8; i++) digits[i] = Tensor.scalar(i + 1);
      assertEquals(12345678f, loaded.call(digits).getFirst().toFloat());
    }
  }

  /** Of every dtype that PyTorch has, and of codes, which it has as bytes. */
  @ParameterizedTest
  @EnumSource(
      names = {
        "F32", "F64", "F16", "BF16", "I8", "U8", "I16", "I32", "I64", "BOOL", "I4", "F8E5M2"
      })
  void weightsKeepTheirElements(DType dtype) throws IOException {
    for (long size : new long[] {0, 1, 70_001}) {
      var type = TensorType.of(dtype, size);
      var bytes = new byte[(int) type.bytes()];
      for (int i = 0; i < bytes.length; i++)
        bytes[i] = (byte) (dtype == DType.BOOL ? i % 2 : i % 3);
      var weight = Tensor.of(type, MemorySegment.ofArray(bytes));
      var file = folder.resolve(dtype + "-" + size + ".pt");
      TorchScriptExport.write(
          file,
          new Sequential(),
          one("x", TensorType.of(DType.F32, size)),
          in -> List.of(weight.convert(DType.F32).add(in.getFirst())));
      try (var loaded = ForeignModel.torchScript(file)) {
        var x = Tensors.full(TensorType.of(DType.F32, size), 2);
        assertArrayEquals(
            weight.convert(DType.F32).add(2).toFloatArray(),
            loaded.call(x).getFirst().toFloatArray());
      }
    }
  }

  @Test
  void aDtypeThatPyTorchLacksIsRefusedAndNoFileIsLeft() throws IOException {
    var file = folder.resolve("codes.pt");
    assertThrows(
        IllegalArgumentException.class,
        () ->
            TorchScriptExport.write(
                file,
                new Sequential(),
                one("codes", TensorType.of(DType.F8E5M2, 4)),
                in -> List.of(in.getFirst().convert(DType.F32))));
    var refused =
        assertThrows(
            EngineException.class,
            () ->
                TorchScriptExport.write(
                    file, new Sequential(), one("wide", TensorType.of(DType.U32, 4)), in -> in));
    assertTrue(refused.getMessage().contains("u32"), refused.getMessage());
    try (var left = Files.list(folder)) {
      assertEquals(0, left.count());
    }
  }
}
