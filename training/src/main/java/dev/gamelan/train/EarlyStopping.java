package dev.gamelan.train;

import java.util.Map;

/** Ends a training when a metric of the validation no longer gets better. */
public final class EarlyStopping {
  private final String metric;
  private final Goal goal;
  private final int patience;
  private final double margin;
  private double best;
  private int waited;

  /** On the validation loss. */
  public EarlyStopping(int patience) {
    this(Validation.LOSS, Goal.SMALLEST, patience, 0);
  }

  /**
   * @param patience validations without improvement that are let pass
   * @param margin by which a value must be better to count
   */
  public EarlyStopping(String metric, Goal goal, int patience, double margin) {
    this.metric = metric;
    this.goal = goal;
    this.patience = patience;
    this.margin = margin;
    this.best = goal.worst();
  }

  /** Whether it is time to stop. */
  boolean observe(Map<String, Double> metrics) {
    var value = metrics.get(metric);
    if (value == null) {
      throw new IllegalArgumentException(
          "early stopping waits for '%s', which the validation does not give; it gives %s"
              .formatted(metric, metrics.keySet()));
    }
    if (goal.isBetter(value, best, margin)) {
      best = value;
      waited = 0;
      return false;
    }
    waited++;
    return isReached();
  }

  boolean isReached() {
    return waited > patience;
  }

  Map<String, Double> state() {
    return Map.of("best", best, "waited", (double) waited);
  }

  void restore(Map<String, Double> state) {
    best = state.getOrDefault("best", goal.worst());
    waited = state.getOrDefault("waited", 0.0).intValue();
  }
}
