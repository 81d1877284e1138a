package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * RMSprop (Tieleman, Hinton, Coursera lecture 6.5, 2012): s = α·s + (1−α)·g², p = p − η·g/(√s + ε).
 * Weight decay is added to the gradient.
 */
public final class RmsProp extends Optimizer {
  /**
   * @param smoothing α
   * @param centered divides by the deviation: s less the square of the mean gradient
   */
  public record Options(
      double smoothing, double epsilon, double momentum, boolean centered, double weightDecay) {
    public static final Options DEFAULT = new Options(0.99, 1e-8, 0, false, 0);

    public Options withSmoothing(double other) {
      return new Options(other, epsilon, momentum, centered, weightDecay);
    }

    public Options withEpsilon(double other) {
      return new Options(smoothing, other, momentum, centered, weightDecay);
    }

    public Options withMomentum(double other) {
      return new Options(smoothing, epsilon, other, centered, weightDecay);
    }

    public Options withCentered(boolean other) {
      return new Options(smoothing, epsilon, momentum, other, weightDecay);
    }

    public Options withWeightDecay(double other) {
      return new Options(smoothing, epsilon, momentum, centered, other);
    }
  }

  private final List<Options> options;
  private final List<Parameter> squares;
  private final List<Parameter> means;
  private final List<Parameter> velocities;

  public RmsProp(List<Parameter> parameters, double learningRate) {
    this(parameters, learningRate, Options.DEFAULT);
  }

  public RmsProp(List<Parameter> parameters, double learningRate, Options options) {
    this(learningRate, List.of(ParameterGroup.of(parameters, options)));
  }

  public RmsProp(double learningRate, List<ParameterGroup<Options>> groups) {
    super(groups, learningRate);
    this.options = ParameterGroup.options(groups);
    this.squares = stateLike("square", 0);
    boolean centers = options.stream().anyMatch(Options::centered);
    this.means = centers ? stateLike("mean", 0) : List.of();
    boolean moves = options.stream().anyMatch(o -> o.momentum() != 0);
    this.velocities = moves ? stateLike("velocity", 0) : List.of();
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var o = options.get(index);
    var direction = decayed(gradient, parameter, o.weightDecay());
    var square = smoothed(squares.get(index), direction.square(), o.smoothing());
    if (o.centered()) {
      square = square.sub(smoothed(means.get(index), direction, o.smoothing()).square());
    }
    var scaled = direction.div(square.sqrt().add(o.epsilon()));
    if (o.momentum() != 0) {
      var velocity = velocities.get(index);
      scaled = velocity.value().mul(o.momentum()).add(scaled);
      velocity.assign(scaled);
    }
    parameter.assign(parameter.value().sub(scaled.mul(learningRate)));
  }

  /** The running mean with {@code next} in it, which is assigned too. */
  private static Tensor smoothed(Parameter mean, Tensor next, double alpha) {
    var updated = mean.value().mul(alpha).add(next.mul(1 - alpha));
    mean.assign(updated);
    return updated;
  }
}
