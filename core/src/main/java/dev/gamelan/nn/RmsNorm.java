package dev.gamelan.nn;

import dev.gamelan.ir.Normalization;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Divides the last axis by its root mean square and scales it (Zhang, Sennrich, arXiv:1910.07467).
 * Parameter: weight [width].
 */
public final class RmsNorm extends UnaryLayer {
  private final double epsilon;
  private final Parameter weight;

  public RmsNorm(long width, double epsilon) {
    this.epsilon = epsilon;
    this.weight = parameter("weight", TensorType.of(DType.F32, width), Initializer.ones());
  }

  @Override
  public Tensor forward(Tensor x) {
    return Tensor.apply(new Normalization.RmsNorm(epsilon), List.of(x, weight.value()));
  }
}
