package dev.gamelan.optim;

import dev.gamelan.tensor.Tensor;
import java.util.List;

/** What is done to gradients before an optimiser gets them. */
public sealed interface GradientClipping {
  /** A gradient for each of {@code gradients}. */
  List<Tensor> apply(List<Tensor> gradients);

  /**
   * Scales all gradients alike where the norm of all elements together is larger than {@code max}.
   */
  record ByNorm(double max) implements GradientClipping {
    /** PyTorch's, against division by 0. */
    private static final double EPSILON = 1e-6;

    public ByNorm {
      requirePositive(max);
    }

    @Override
    public List<Tensor> apply(List<Tensor> gradients) {
      var scale = norm(gradients).add(EPSILON).pow(-1).mul(max).minimum(1);
      return gradients.stream().map(g -> g.mul(scale.convert(g.dtype()))).toList();
    }
  }

  /** Moves every element to [−max, max]. */
  record ByValue(double max) implements GradientClipping {
    public ByValue {
      requirePositive(max);
    }

    @Override
    public List<Tensor> apply(List<Tensor> gradients) {
      return gradients.stream().map(g -> g.clamp(-max, max)).toList();
    }
  }

  /** The Euclidean norm of all elements together, an f32 scalar. */
  static Tensor norm(List<Tensor> gradients) {
    var squares = Tensor.scalar(0);
    for (var gradient : gradients) {
      squares = squares.add(gradient.convert(squares.dtype()).square().sum());
    }
    return squares.sqrt();
  }

  private static void requirePositive(double max) {
    if (!(max > 0)) {
      throw new IllegalArgumentException("gradient clipping: needs a positive limit; got " + max);
    }
  }
}
