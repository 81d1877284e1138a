package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * Stochastic gradient descent, with momentum as PyTorch has it: v = μ·v + g, p = p − η·v; with
 * Nesterov p = p − η·(g + μ·v). Weight decay is added to the gradient.
 */
public final class Sgd extends Optimizer {
  /** All of them 0 or false by default. */
  public record Options(double momentum, boolean nesterov, double weightDecay) {
    public static final Options DEFAULT = new Options(0, false, 0);

    public Options withMomentum(double other) {
      return new Options(other, nesterov, weightDecay);
    }

    public Options withNesterov(boolean other) {
      return new Options(momentum, other, weightDecay);
    }

    public Options withWeightDecay(double other) {
      return new Options(momentum, nesterov, other);
    }
  }

  private final List<Options> options;
  private final List<Parameter> velocities;

  public Sgd(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public Sgd(List<Parameter> parameters, double learningRate, Options options) {
    this(learningRate, List.of(ParameterGroup.of(parameters, options)));
  }

  public Sgd(double learningRate, List<ParameterGroup<Options>> groups) {
    super(groups, learningRate);
    this.options = ParameterGroup.options(groups);
    boolean moves = options.stream().anyMatch(o -> o.momentum() != 0);
    this.velocities = moves ? stateLike("velocity", 0) : List.of();
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var o = options.get(index);
    var direction = decayed(gradient, parameter, o.weightDecay());
    if (o.momentum() != 0) {
      var velocity = velocities.get(index);
      var next = velocity.value().mul(o.momentum()).add(direction);
      velocity.assign(next);
      direction = o.nesterov() ? direction.add(next.mul(o.momentum())) : next;
    }
    parameter.assign(parameter.value().sub(direction.mul(learningRate)));
  }
}
