package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * Lion (Chen et al., arXiv:2302.06675): p = p − η·(sign(β₁·m + (1−β₁)·g) + λ·p), then m = β₂·m +
 * (1−β₂)·g. Wants a learning rate 3 to 10 times smaller than AdamW's.
 */
public final class Lion extends Optimizer {
  public record Options(double beta1, double beta2, double weightDecay) {
    public static final Options DEFAULT = new Options(0.9, 0.99, 0);

    public Options withBetas(double first, double second) {
      return new Options(first, second, weightDecay);
    }

    public Options withWeightDecay(double other) {
      return new Options(beta1, beta2, other);
    }
  }

  private final List<Options> options;
  private final List<Parameter> moments;

  public Lion(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public Lion(List<Parameter> parameters, double learningRate, Options options) {
    this(learningRate, List.of(ParameterGroup.of(parameters, options)));
  }

  public Lion(double learningRate, List<ParameterGroup<Options>> groups) {
    super(groups, learningRate);
    this.options = ParameterGroup.options(groups);
    this.moments = stateLike("moment", 0);
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var o = options.get(index);
    var moment = moments.get(index);
    var direction = blend(moment.value(), gradient, o.beta1()).sign();
    moment.assign(blend(moment.value(), gradient, o.beta2()));
    var decayed = decayed(direction, parameter, o.weightDecay());
    parameter.assign(parameter.value().sub(decayed.mul(learningRate)));
  }

  private static Tensor blend(Tensor old, Tensor fresh, double share) {
    return old.mul(share).add(fresh.mul(1 - share));
  }
}
