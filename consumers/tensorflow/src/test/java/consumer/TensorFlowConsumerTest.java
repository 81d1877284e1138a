package consumer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.tensorflow.Graph;
import org.tensorflow.Session;
import org.tensorflow.TensorFlow;
import org.tensorflow.op.Ops;
import org.tensorflow.proto.ConfigProto;
import org.tensorflow.types.TFloat32;

@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class TensorFlowConsumerTest {
  /** First, as the documentation says: a process holds one copy of its library. */
  @BeforeAll
  static void load() {
    TensorFlow.version();
  }

  @Test
  void bothRunInOneProcess() throws Exception {
    for (int i = 0; i < 3; i++) {
      assertEquals(42, byTensorFlow());
      float[] product =
          Devices.use(
              "tensorflow:0",
              () ->
                  Tensor.of(new float[] {1, 2, 3, 4}, 2, 2)
                      .matmul(Tensor.of(new float[] {5, 6, 7, 8}, 2, 2))
                      .toFloatArray());
      assertArrayEquals(new float[] {19, 22, 43, 50}, product);
    }
  }

  private static float byTensorFlow() {
    var config = ConfigProto.newBuilder().setIntraOpParallelismThreads(1).build();
    try (var graph = new Graph();
        var session = new Session(graph, config)) {
      var tf = Ops.create(graph);
      var product = tf.math.mul(tf.constant(6f), tf.constant(7f));
      try (var results = session.runner().fetch(product).run()) {
        return ((TFloat32) results.get(0)).getFloat();
      }
    }
  }
}
