package dev.gamelan.nn;

import dev.gamelan.ir.Normalization;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Batch normalisation of [N, C, …] (Ioffe, Szegedy, arXiv:1502.03167). In training it uses the
 * batch's statistics and updates the running ones; else the running ones. Parameters: weight, bias;
 * state: running_mean, running_var, all [C].
 */
public final class BatchNorm extends UnaryLayer {
  /**
   * @param momentum the share of a batch in the running statistics
   */
  public record Options(double epsilon, double momentum) {
    public static final Options DEFAULT = new Options(1e-5, 0.1);

    public Options withEpsilon(double other) {
      return new Options(other, momentum);
    }

    public Options withMomentum(double other) {
      return new Options(epsilon, other);
    }
  }

  private final Options options;
  private final Parameter weight;
  private final Parameter bias;
  private final Parameter runningMean;
  private final Parameter runningVariance;

  public BatchNorm(long channels) {
    this(channels, Options.DEFAULT);
  }

  public BatchNorm(long channels, Options options) {
    this.options = options;
    var type = TensorType.of(DType.F32, channels);
    this.weight = parameter("weight", type, Initializer.ones());
    this.bias = parameter("bias", type, Initializer.zeros());
    this.runningMean = state("running_mean", type, Initializer.zeros());
    this.runningVariance = state("running_var", type, Initializer.ones());
  }

  @Override
  public Tensor forward(Tensor x) {
    return switch (Mode.current()) {
      case TRAINING -> training(x);
      case INFERENCE ->
          Tensor.apply(
              new Normalization.BatchNormInference(options.epsilon()),
              List.of(
                  x, weight.value(), bias.value(), runningMean.value(), runningVariance.value()));
    };
  }

  private Tensor training(Tensor x) {
    var results =
        Tensor.applyAll(
            new Normalization.BatchNormTraining(options.epsilon()),
            List.of(x, weight.value(), bias.value()));
    double count = (double) x.size() / x.dim(1);
    double unbiased = count > 1 ? count / (count - 1) : 1;
    update(runningMean, results.get(1));
    update(runningVariance, results.get(2).mul(unbiased));
    return results.getFirst();
  }

  private void update(Parameter running, Tensor batch) {
    running.assign(running.value().mul(1 - options.momentum()).add(batch.mul(options.momentum())));
  }
}
