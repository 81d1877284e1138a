package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * Adafactor (Shazeer, Stern, arXiv:1804.04235), as PyTorch has it: the second moments of a matrix
 * are kept as one row and one column, so that its state is small. The learning rate is the largest
 * relative step.
 */
public final class Adafactor extends Optimizer {
  /**
   * @param decay the second moment of step t keeps 1 − t^decay of its past
   * @param epsilon1 the smallest root of a second moment
   * @param epsilon2 the smallest size of a parameter that steps are relative to
   * @param clip the largest root mean square of an update before it is scaled
   */
  public record Options(
      double decay, double epsilon1, double epsilon2, double clip, double weightDecay) {
    /** With f32's epsilon, as PyTorch has it. */
    public static final Options DEFAULT = new Options(-0.8, 0x1p-23, 1e-3, 1, 0);

    public Options withDecay(double other) {
      return new Options(other, epsilon1, epsilon2, clip, weightDecay);
    }

    public Options withEpsilons(double first, double second) {
      return new Options(decay, first, second, clip, weightDecay);
    }

    public Options withClip(double other) {
      return new Options(decay, epsilon1, epsilon2, other, weightDecay);
    }

    public Options withWeightDecay(double other) {
      return new Options(decay, epsilon1, epsilon2, clip, other);
    }
  }

  /** Second moments: of the rows and columns of matrices, or of every element of the rest. */
  private sealed interface Moments {
    record Factored(Parameter rows, Parameter columns) implements Moments {}

    record Full(Parameter elements) implements Moments {}
  }

  private final List<Options> options;
  private final List<Moments> moments = new ArrayList<>();

  /** With PyTorch's learning rate. */
  public Adafactor(List<Parameter> parameters) {
    this(parameters, 1e-2, Options.DEFAULT);
  }

  public Adafactor(List<Parameter> parameters, double learningRate, Options options) {
    this(learningRate, List.of(ParameterGroup.of(parameters, options)));
  }

  public Adafactor(double learningRate, List<ParameterGroup<Options>> groups) {
    super(groups, learningRate);
    this.options = ParameterGroup.options(groups);
    for (int i = 0; i < options.size(); i++) moments.add(moments(i, parameters().get(i).type()));
  }

  private Moments moments(int index, TensorType type) {
    if (type.rank() < 2) return new Moments.Full(state("second_moment." + index, type, 0));
    return new Moments.Factored(
        state("row_moment." + index, type.with(type.shape().with(-1, 1)), 0),
        state("column_moment." + index, type.with(type.shape().with(-2, 1)), 0));
  }

  @Override
  protected void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step) {
    var o = options.get(index);
    var value = parameter.value();
    var relative = learningRate.minimum(step.rsqrt());
    var rate = rootMeanSquare(value).maximum(o.epsilon2()).mul(relative);
    if (o.weightDecay() != 0) {
      value = value.mul(learningRate.mul(o.weightDecay()).neg().add(1));
    }
    var fresh = step.pow(o.decay());
    var moment =
        switch (moments.get(index)) {
          case Moments.Full full -> blended(full.elements(), gradient.square(), fresh);
          case Moments.Factored f -> {
            var squares = gradient.square();
            var rows = blended(f.rows(), mean(squares, -1), fresh);
            var columns = blended(f.columns(), mean(squares, -2), fresh);
            yield rows.mul(columns).div(mean(rows, -2).maximum(o.epsilon1()));
          }
        };
    var update = moment.maximum(o.epsilon1() * o.epsilon1()).rsqrt().mul(gradient);
    var clip = rootMeanSquare(update).div(o.clip()).maximum(1);
    parameter.assign(value.sub(update.mul(rate.div(clip))));
  }

  /** The moment with {@code next} in it, which is assigned too. */
  private static Tensor blended(Parameter moment, Tensor next, Tensor share) {
    var updated = moment.value().add(next.sub(moment.value()).mul(share));
    moment.assign(updated);
    return updated;
  }

  /** Along one axis, which stays with size 1. */
  private static Tensor mean(Tensor x, int axis) {
    return x.mean(axis).reshape(x.shape().with(axis, 1));
  }

  private static Tensor rootMeanSquare(Tensor x) {
    return x.size() == 0 ? Tensors.zeros(x.dtype()) : x.square().mean().sqrt();
  }
}
