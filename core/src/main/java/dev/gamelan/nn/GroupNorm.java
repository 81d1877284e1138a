package dev.gamelan.nn;

import dev.gamelan.ir.Normalization;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Normalises groups of channels of [N, C, …] for each example (Wu, He, arXiv:1803.08494); with as
 * many groups as channels it is instance normalisation. Parameters: weight, bias, both [C].
 */
public final class GroupNorm extends UnaryLayer {
  private static final double EPSILON = 1e-5;

  private final long groups;
  private final Parameter weight;
  private final Parameter bias;

  public GroupNorm(long groups, long channels) {
    if (groups < 1 || channels % groups != 0) {
      throw new IllegalArgumentException(
          "group norm: groups must divide the channels; got %d groups of %d channels"
              .formatted(groups, channels));
    }
    this.groups = groups;
    var type = TensorType.of(DType.F32, channels);
    this.weight = parameter("weight", type, Initializer.ones());
    this.bias = parameter("bias", type, Initializer.zeros());
  }

  @Override
  public Tensor forward(Tensor x) {
    var op = new Normalization.GroupNorm(groups, EPSILON);
    return Tensor.apply(op, List.of(x, weight.value(), bias.value()));
  }
}
