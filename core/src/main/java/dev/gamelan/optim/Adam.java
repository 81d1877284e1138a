package dev.gamelan.optim;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/** Adam (Kingma, Ba, arXiv:1412.6980); weight decay is added to the gradient. */
public final class Adam extends Optimizer {
  public record Options(double beta1, double beta2, double epsilon, double weightDecay) {
    public static final Options DEFAULT = new Options(0.9, 0.999, 1e-8, 0);

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

  private final double weightDecay;
  private final AdamMoments moments;

  public Adam(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public Adam(List<Parameter> parameters, double learningRate, Options options) {
    super(parameters, learningRate);
    this.weightDecay = options.weightDecay();
    var op = new TensorOp.AdamwStep(options.beta1(), options.beta2(), options.epsilon(), 0);
    this.moments = new AdamMoments(op, stateLike("first_moment"), stateLike("second_moment"));
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var direction = weightDecay == 0 ? gradient : gradient.add(parameter.value().mul(weightDecay));
    moments.update(index, parameter, direction, learningRate, step);
  }
}
