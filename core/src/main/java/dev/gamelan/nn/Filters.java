package dev.gamelan.nn;

import dev.gamelan.ir.Window;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Arrays;
import java.util.Collections;
import org.jspecify.annotations.Nullable;

/** What convolutions of both directions share. */
final class Filters {
  private Filters() {}

  static void checkGroups(String layer, long in, long out, long groups) {
    if (groups < 1 || in % groups != 0 || out % groups != 0) {
      throw new IllegalArgumentException(
          "%s: groups must divide both channels; got %d and %d for %d groups"
              .formatted(layer, in, out, groups));
    }
  }

  static TensorType type(Shape shape) {
    return new TensorType(DType.F32, shape);
  }

  /** As PyTorch draws it: from the fan-in of the weight. */
  static Initializer biasInitializer(Shape weight) {
    long fanIn = weight.range(1, weight.rank()).size();
    return Initializer.uniform(1 / Math.sqrt(Math.max((double) fanIn, 1)));
  }

  static Window window(int rank, long stride, long padding, long dilation) {
    var padded = Collections.nCopies(rank, padding);
    return new Window(
        Collections.nCopies(rank, stride), padded, padded, Collections.nCopies(rank, dilation));
  }

  static Tensor addBias(Tensor y, @Nullable Parameter bias) {
    if (bias == null) return y;
    var perChannel = new long[y.rank() - 1];
    Arrays.fill(perChannel, 1);
    perChannel[0] = -1;
    return y.add(bias.value().reshape(perChannel));
  }
}
