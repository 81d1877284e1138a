package consumer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import com.google.protobuf.Timestamp;
import dev.gamelan.nn.Linear;
import dev.gamelan.onnx.OnnxExport;
import dev.gamelan.onnx.OnnxModel;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxConsumerTest {
  private static final float[] X = {1, 2, 3, 4, 5, 6};

  @TempDir Path folder;

  @Test
  void aFileOfOursRunsInOnnxRuntimeAndHere() throws Exception {
    var model = new Linear(3, 2);
    model.initialize(RandomKey.of(1));
    var inputs = new LinkedHashMap<String, TensorType>();
    inputs.put("x", TensorType.of(DType.F32, 2, 3));
    var file = folder.resolve("linear.onnx");
    OnnxExport.write(
        file, model, inputs, List.of("y"), in -> List.of(model.forward(in.getFirst())));
    var expected = model.forward(Tensor.of(X, 2, 3)).toFloatArray();
    var ours = OnnxModel.load(file).run(Map.of("x", Tensor.of(X, 2, 3))).get("y");
    assertArrayEquals(expected, ours.toFloatArray(), 1e-6f);
    var environment = OrtEnvironment.getEnvironment();
    try (var session = environment.createSession(file.toString());
        var x = OnnxTensor.createTensor(environment, FloatBuffer.wrap(X), new long[] {2, 3});
        var results = session.run(Map.of("x", x))) {
      var rows = (float[][]) results.get(0).getValue();
      assertArrayEquals(new float[] {expected[0], expected[1]}, rows[0], 1e-6f);
    }
  }

  @Test
  void protobufIsTheUsersOwn() throws Exception {
    var bytes = Timestamp.newBuilder().setSeconds(7).build().toByteArray();
    assertEquals(7, Timestamp.parseFrom(bytes).getSeconds());
  }
}
