package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Adagrad (Duchi et al., JMLR 2011): s = s + g², p = p − η·g/(√s + ε). Weight decay is added to the
 * gradient.
 */
public final class Adagrad extends Optimizer {
  /**
   * @param learningRateDecay η is divided by 1 + (step − 1) · this
   * @param initialSum what s begins at
   */
  public record Options(
      double epsilon, double weightDecay, double learningRateDecay, double initialSum) {
    public static final Options DEFAULT = new Options(1e-10, 0, 0, 0);

    public Options withEpsilon(double other) {
      return new Options(other, weightDecay, learningRateDecay, initialSum);
    }

    public Options withWeightDecay(double other) {
      return new Options(epsilon, other, learningRateDecay, initialSum);
    }

    public Options withLearningRateDecay(double other) {
      return new Options(epsilon, weightDecay, other, initialSum);
    }

    public Options withInitialSum(double other) {
      return new Options(epsilon, weightDecay, learningRateDecay, other);
    }
  }

  private final List<Options> options;
  private final List<Parameter> sums = new ArrayList<>();

  public Adagrad(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public Adagrad(List<Parameter> parameters, double learningRate, Options options) {
    this(learningRate, List.of(ParameterGroup.of(parameters, options)));
  }

  public Adagrad(double learningRate, List<ParameterGroup<Options>> groups) {
    super(groups, learningRate);
    this.options = ParameterGroup.options(groups);
    for (int i = 0; i < options.size(); i++) {
      sums.add(state("sum." + i, parameters().get(i).type(), options.get(i).initialSum()));
    }
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var o = options.get(index);
    var direction = decayed(gradient, parameter, o.weightDecay());
    var sum = sums.get(index).value().add(direction.square());
    sums.get(index).assign(sum);
    var rate = learningRate.div(step.sub(1).mul(o.learningRateDecay()).add(1));
    var scaled = direction.div(sum.sqrt().add(o.epsilon()));
    parameter.assign(parameter.value().sub(scaled.mul(rate)));
  }
}
