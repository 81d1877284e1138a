package dev.gamelan.nn;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;

/**
 * A learnt vector for each of {@code count} integers: from indices [..] to [.., width]. Parameter:
 * weight [count, width]. An index outside is an error on engines that check, else clamped.
 */
public final class Embedding extends UnaryLayer {
  private final Parameter weight;

  /** Normal with deviation 1, as PyTorch's. */
  public Embedding(long count, long width) {
    this(count, width, Initializer.normal(1));
  }

  public Embedding(long count, long width, Initializer initializer) {
    this.weight = parameter("weight", TensorType.of(DType.F32, count, width), initializer);
  }

  @Override
  public Tensor forward(Tensor indices) {
    return weight.value().gather(0, indices);
  }

  /** The table itself: to score against it, say, as a language model with tied weights does. */
  public Parameter weight() {
    return weight;
  }
}
