package dev.gamelan.optim;

import java.util.Map;
import java.util.Set;

/** Multiplies the learning rate by a factor each time the validation loss stops falling. */
public final class ReduceOnPlateau implements LearningRateSchedule {
  /**
   * @param patience validations without improvement that are let pass
   * @param threshold an improvement is a loss below best · (1 − threshold)
   * @param min the rate falls no further
   */
  public record Options(double factor, int patience, double threshold, double min) {
    public static final Options DEFAULT = new Options(0.1, 10, 1e-4, 0);

    public Options withFactor(double other) {
      return new Options(other, patience, threshold, min);
    }

    public Options withPatience(int other) {
      return new Options(factor, other, threshold, min);
    }

    public Options withThreshold(double other) {
      return new Options(factor, patience, other, min);
    }

    public Options withMin(double other) {
      return new Options(factor, patience, threshold, other);
    }
  }

  private final Options options;
  private double rate;
  private double best = Double.POSITIVE_INFINITY;
  private int waited;

  public ReduceOnPlateau(double rate, Options options) {
    if (!(options.factor() > 0 && options.factor() < 1)) {
      throw new IllegalArgumentException(
          "reduce on plateau: needs a factor between 0 and 1; got " + options.factor());
    }
    this.rate = rate;
    this.options = options;
  }

  @Override
  public double at(long step) {
    return rate;
  }

  @Override
  public void observe(double validationLoss) {
    if (validationLoss < best * (1 - options.threshold())) {
      best = validationLoss;
      waited = 0;
      return;
    }
    if (++waited <= options.patience()) return;
    rate = Math.max(rate * options.factor(), options.min());
    waited = 0;
  }

  @Override
  public Map<String, Double> state() {
    return Map.of("rate", rate, "best", best, "waited", (double) waited);
  }

  @Override
  public void restore(Map<String, Double> state) {
    var names = Set.of("rate", "best", "waited");
    if (!state.keySet().equals(names)) {
      throw new IllegalArgumentException(
          "reduce on plateau: the checkpoint's schedule has the state %s, not %s; use the same schedule"
              .formatted(state.keySet(), names));
    }
    rate = state.getOrDefault("rate", rate);
    best = state.getOrDefault("best", best);
    waited = state.getOrDefault("waited", 0.0).intValue();
  }
}
