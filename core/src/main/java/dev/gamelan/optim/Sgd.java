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

  private final Options options;
  private final List<Parameter> velocities;

  public Sgd(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public Sgd(List<Parameter> parameters, double learningRate, Options options) {
    super(parameters, learningRate);
    this.options = options;
    this.velocities = options.momentum() == 0 ? List.of() : stateLike("velocity");
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var value = parameter.value();
    var direction =
        options.weightDecay() == 0 ? gradient : gradient.add(value.mul(options.weightDecay()));
    if (options.momentum() != 0) {
      var velocity = velocities.get(index);
      var next = velocity.value().mul(options.momentum()).add(direction);
      velocity.assign(next);
      direction = options.nesterov() ? direction.add(next.mul(options.momentum())) : next;
    }
    parameter.assign(value.sub(direction.mul(learningRate)));
  }
}
