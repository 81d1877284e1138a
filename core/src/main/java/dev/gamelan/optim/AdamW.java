package dev.gamelan.optim;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/** Adam with decoupled weight decay (Loshchilov, Hutter, arXiv:1711.05101). */
public final class AdamW extends Optimizer {
  public record Options(double beta1, double beta2, double epsilon, double weightDecay) {
    public static final Options DEFAULT = new Options(0.9, 0.999, 1e-8, 0.01);

    public Options withBetas(double first, double second) {
      return new Options(first, second, epsilon, weightDecay);
    }

    public Options withEpsilon(double other) {
      return new Options(beta1, beta2, other, weightDecay);
    }

    public Options withWeightDecay(double other) {
      return new Options(beta1, beta2, epsilon, other);
    }
  }

  private final List<Options> options;
  private final AdamMoments moments;

  public AdamW(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public AdamW(List<Parameter> parameters, double learningRate, Options options) {
    this(learningRate, List.of(ParameterGroup.of(parameters, options)));
  }

  public AdamW(double learningRate, List<ParameterGroup<Options>> groups) {
    super(groups, learningRate);
    this.options = ParameterGroup.options(groups);
    this.moments = new AdamMoments(stateLike("first_moment", 0), stateLike("second_moment", 0));
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var o = options.get(index);
    var op = new TensorOp.AdamwStep(o.beta1(), o.beta2(), o.epsilon(), o.weightDecay());
    moments.update(op, index, parameter, gradient, learningRate, step);
  }
}
