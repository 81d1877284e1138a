package dev.gamelan.onnx.write;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.gamelan.ir.Graph;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.OnnxExport;
import dev.gamelan.onnx.OnnxModel;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelWriterTest {
  private static final Graph SUM =
      Graph.parse(
          "(%0: f32[2], %1: f32[2], %2: f32[2]) { %3 = add %0, %1 : f32[2] %4 = mul %3, %2 : f32[2] return %4 }");

  private static final float[] X = {1, 2};

  @TempDir Path folder;

  /** ([1, 2] + [10, 20]) · [2, 3] = [22, 66]. */
  @Test
  void largeWeightsLieBesideTheModel() throws IOException, OrtException {
    var weights = new LinkedHashMap<String, Tensor>();
    weights.put("a", Tensor.of(new float[] {10, 20}));
    weights.put("b", Tensor.of(new float[] {2, 3}));
    var file = folder.resolve("sum.onnx");
    ModelWriter.write(file, SUM, List.of("x", "a", "b"), List.of("y"), weights, 0);
    assertEquals(16, Files.size(folder.resolve("sum.onnx.data")));
    var y = OnnxModel.load(file).run(Map.of("x", Tensor.of(X))).get("y");
    assertArrayEquals(new float[] {22, 66}, y.toFloatArray());
    var environment = OrtEnvironment.getEnvironment();
    try (var session = environment.createSession(file.toString());
        var x = OnnxTensor.createTensor(environment, FloatBuffer.wrap(X), new long[] {2});
        var result = session.run(Map.of("x", x))) {
      assertArrayEquals(new float[] {22, 66}, (float[]) result.get(0).getValue());
    }
  }

  @Test
  void namesAreOfOneThingEach() {
    var file = folder.resolve("sum.onnx");
    assertThrows(
        OnnxException.class,
        () -> OnnxExport.write(file, SUM, List.of("x", "a", "x"), List.of("y"), Map.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> OnnxExport.write(file, SUM, List.of("x"), List.of("y"), Map.of()));
  }

  @Test
  void whatOnnxHasNotIsRefusedByNameAndNothingIsWritten() {
    var file = folder.resolve("bits.onnx");
    var graph = Graph.parse("(%0: f32[2]) { %1 = bitcast[to=i32] %0 : i32[2] return %1 }");
    var error =
        assertThrows(
            OnnxException.class,
            () -> OnnxExport.write(file, graph, List.of("x"), List.of("y"), Map.of()));
    assertTrue(error.getMessage().contains("bitcast from f32[2] to i32[2]"), error.getMessage());
    var tiny =
        Graph.parse(
            "(%0: f32[2]) { %1 = convert[to=f4e2m1, saturate=true] %0 : f4e2m1[2] return %1 }");
    var dtype =
        assertThrows(
            OnnxException.class,
            () -> OnnxExport.write(file, tiny, List.of("x"), List.of("y"), Map.of()));
    assertTrue(dtype.getMessage().contains("opset 21 has no f4e2m1"), dtype.getMessage());
    assertTrue(Files.notExists(file));
  }
}
