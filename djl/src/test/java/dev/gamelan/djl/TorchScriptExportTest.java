package dev.gamelan.djl;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Sequential;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TorchScriptExportTest {
  @TempDir Path folder;

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
