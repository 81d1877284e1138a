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
import dev.gamelan.onnx.proto.NodeProto;
import dev.gamelan.onnx.read.ModelFile;
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

  /** Runtimes fuse a sum with a bias of one axis into the product before it. */
  @Test
  void arithmeticBroadcastsByItself() throws IOException {
    var graph =
        Graph.parse(
            """
            (%0: f32[2,3], %1: f32[3]) {
              %2 = broadcast_in_dim[shape=[2,3], axes=[1]] %1 : f32[2,3]
              %3 = add %0, %2 : f32[2,3]
              %4 = sub %2, %2 : f32[2,3]
              return %3, %4, %2
            }""");
    var file = folder.resolve("bias.onnx");
    OnnxExport.write(file, graph, List.of("x", "b"), List.of("sum", "none", "all"), Map.of());
    assertEquals(1, nodes(file, "Expand").size());
    var model = OnnxModel.load(file);
    var x = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    var results = model.run(Map.of("x", x, "b", Tensor.of(new float[] {10, 20, 30})));
    assertArrayEquals(new float[] {11, 22, 33, 14, 25, 36}, results.get("sum").toFloatArray());
    assertArrayEquals(new float[6], results.get("none").toFloatArray());
    assertArrayEquals(new float[] {10, 20, 30, 10, 20, 30}, results.get("all").toFloatArray());
  }

  /** ONNX Runtime keeps its own layout of pictures around a pool that does not say where. */
  @Test
  void aPoolGivesItsLargestAlone() throws IOException {
    var graph =
        Graph.parse(
            """
            (%0: f32[1,1,2,4]) {
              %1 = pool[kind=max, size=[2,2], window={strides=[2,2], low=[0,0], high=[0,0], dilation=[1,1]}, countPadding=false] %0 : f32[1,1,1,2]
              return %1
            }""");
    var file = folder.resolve("pool.onnx");
    OnnxExport.write(file, graph, List.of("x"), List.of("y"), Map.of());
    assertEquals(1, nodes(file, "MaxPool").getFirst().outputs().size());
  }

  /** Each query sees its own key, so that no row of the scores is empty. */
  @Test
  void causalAttentionIsWrittenWithASoftmax() throws IOException {
    var graph =
        Graph.parse(
            """
            (%0: f32[1,2,3,4], %1: f32[1,2,5,4]) {
              %2 = scaled_dot_product_attention[scale=0.5, causal=true, mask=false, lengths=false, window=0, softcap=0.0] %0, %1, %1 : f32[1,2,3,4]
              return %2
            }""");
    var file = folder.resolve("attention.onnx");
    OnnxExport.write(file, graph, List.of("q", "k"), List.of("y"), Map.of());
    assertEquals(1, nodes(file, "Softmax").size());
  }

  private static List<NodeProto> nodes(Path file, String operator) throws IOException {
    var graph = ModelFile.open(file).model().graph();
    return graph.nodes().stream().filter(node -> node.opType().equals(operator)).toList();
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
