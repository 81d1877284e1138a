package dev.gamelan.nn;

import dev.gamelan.ir.Activation;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * Pointwise functions beyond those of {@link Tensor} (relu, gelu, silu, tanh, sigmoid). As a layer:
 * {@code UnaryLayer.of(Activations::mish)}.
 */
public final class Activations {
  private static final double SELU_SCALE = 1.0507009873554805;
  private static final double SELU_ALPHA = 1.6732632423543772;

  private Activations() {}

  /** x where positive, else slope · x. */
  public static Tensor leakyRelu(Tensor x, double slope) {
    return Tensor.apply(new Activation.LeakyRelu(slope), List.of(x));
  }

  /** x where positive, else alpha · (eˣ − 1) (Clevert et al., arXiv:1511.07289). */
  public static Tensor elu(Tensor x, double alpha) {
    return Tensor.apply(new Activation.Elu(alpha), List.of(x));
  }

  /** A scaled elu that keeps mean 0 and variance 1 (Klambauer et al., arXiv:1706.02515). */
  public static Tensor selu(Tensor x) {
    return elu(x, SELU_ALPHA).mul(SELU_SCALE);
  }

  /** Gelu with tanh in place of erf, as GPT-2 has it. */
  public static Tensor geluTanh(Tensor x) {
    return Tensor.apply(new Activation.Gelu(true), List.of(x));
  }

  /** log(1 + eˣ), without overflow. */
  public static Tensor softplus(Tensor x) {
    // −|x| as a select, whose gradient at 0 makes the sum's one half; that of abs is 0 there.
    var negative = x.gt(0).select(x.neg(), x);
    return x.relu().add(negative.exp().log1p());
  }

  /** x · tanh(softplus(x)) (Misra, arXiv:1908.08681). */
  public static Tensor mish(Tensor x) {
    return x.mul(softplus(x).tanh());
  }

  /** x · min(max(x + 3, 0), 6) / 6 (Howard et al., arXiv:1905.02244). */
  public static Tensor hardSwish(Tensor x) {
    return x.mul(x.add(3).clamp(0, 6)).div(6);
  }
}
