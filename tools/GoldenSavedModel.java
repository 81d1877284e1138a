import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.tensorflow.Graph;
import org.tensorflow.SavedModelBundle;
import org.tensorflow.Session;
import org.tensorflow.Signature;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.StdArrays;
import org.tensorflow.op.Ops;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.types.TFloat32;
import org.tensorflow.types.TInt64;

/**
 * A SavedModel with variables, its inputs and outputs, for the tests of the module djl, by
 * TensorFlow for Java. Run it where the benchmarks are built:
 *
 * <pre>java -cp 'benchmarks/target/lib/*' tools/GoldenSavedModel.java</pre>
 *
 * It writes djl/src/test/resources/two_heads_tf and two_heads_tf.json.
 */
class GoldenSavedModel {
  public static void main(String[] arguments) throws Exception {
    var resources = Path.of("djl/src/test/resources");
    var random = new Random(7);
    try (var graph = new Graph();
        var session = new Session(graph)) {
      var tf = Ops.create(graph);
      var x = tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(-1, 4)));
      var mask = tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(3)));
      var weight = tf.variable(Shape.of(4, 3), TFloat32.class);
      var bias = tf.variable(Shape.of(3), TFloat32.class);
      var setWeight = tf.assign(weight, tf.constant(matrix(random, 4, 3)));
      var setBias = tf.assign(bias, tf.constant(matrix(random, 1, 3)[0]));
      var scores = tf.math.mul(tf.math.add(tf.linalg.matMul(x, weight), bias), mask);
      var probabilities = tf.nn.softmax(scores);
      var largest = tf.math.argMax(scores, tf.constant(1), TInt64.class);
      session.runner().addTarget(setWeight).addTarget(setBias).run().close();
      var rows = matrix(random, 2, 4);
      var kept = new float[] {1, 0, 1};
      try (var xs = TFloat32.tensorOf(StdArrays.ndCopyOf(rows));
          var masks = TFloat32.tensorOf(StdArrays.ndCopyOf(kept));
          var results =
              session
                  .runner()
                  .feed(x, xs)
                  .feed(mask, masks)
                  .fetch(probabilities)
                  .fetch(largest)
                  .run()) {
        var json =
            "{\n \"x\": %s,\n \"mask\": %s,\n \"probabilities\": %s,\n \"largest\": %s\n}\n"
                .formatted(
                    list(xs), list(masks), list((TFloat32) results.get(0)), longs(results.get(1)));
        Files.writeString(resources.resolve("two_heads_tf.json"), json);
      }
      var signature =
          Signature.builder()
              .key("serving_default")
              .input("x", x)
              .input("mask", mask)
              .output("probabilities", probabilities)
              .output("largest", largest)
              .build();
      SavedModelBundle.exporter(resources.resolve("two_heads_tf").toString())
          .withSession(session)
          .withSignature(signature)
          .export();
    }
  }

  private static float[][] matrix(Random random, int rows, int columns) {
    var matrix = new float[rows][columns];
    for (var row : matrix) {
      for (int i = 0; i < columns; i++) row[i] = (float) random.nextGaussian();
    }
    return matrix;
  }

  private static List<Float> list(TFloat32 tensor) {
    var numbers = new ArrayList<Float>();
    tensor.scalars().forEach(scalar -> numbers.add(scalar.getFloat()));
    return numbers;
  }

  private static List<Long> longs(org.tensorflow.Tensor tensor) {
    var numbers = new ArrayList<Long>();
    ((TInt64) tensor).scalars().forEach(scalar -> numbers.add(scalar.getLong()));
    return numbers;
  }
}
