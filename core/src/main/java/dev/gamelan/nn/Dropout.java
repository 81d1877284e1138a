package dev.gamelan.nn;

import dev.gamelan.ir.RandomOp;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * Zeroes elements with probability {@code rate} in training, and scales the others to keep the mean
 * (Srivastava et al., JMLR 2014). Draws from the context's key.
 */
public final class Dropout extends UnaryLayer {
  private final double rate;

  public Dropout(double rate) {
    if (!(rate >= 0 && rate < 1)) {
      throw new IllegalArgumentException("dropout: needs a rate in [0, 1); got " + rate);
    }
    this.rate = rate;
  }

  @Override
  public Tensor forward(Tensor x) {
    return switch (Mode.current()) {
      case TRAINING ->
          Tensor.apply(new RandomOp.Dropout(rate), List.of(RandomKey.draw().words(), x));
      case INFERENCE -> x;
    };
  }
}
