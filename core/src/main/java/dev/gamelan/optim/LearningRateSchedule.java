package dev.gamelan.optim;

import java.util.Map;
import java.util.TreeMap;

/**
 * The learning rate of each step. Most are functions of the step alone; one that reacts to
 * validation has state, which checkpoints keep.
 */
@FunctionalInterface
public interface LearningRateSchedule {
  /**
   * @param step from 0
   */
  double at(long step);

  /** Is told the loss of each validation. */
  default void observe(double validationLoss) {}

  /** What {@link #restore} takes; empty where the step says it all. */
  default Map<String, Double> state() {
    return Map.of();
  }

  default void restore(Map<String, Double> state) {
    if (!state.isEmpty()) {
      throw new IllegalArgumentException(
          "the checkpoint's schedule has the state %s, and this one has none; use the same schedule"
              .formatted(state.keySet()));
    }
  }

  static LearningRateSchedule constant(double rate) {
    return step -> rate;
  }

  /**
   * Along a straight line from {@code first} to {@code last}, which it stays at from {@code steps}.
   */
  static LearningRateSchedule linear(double first, double last, long steps) {
    requirePositive(steps);
    return step -> first + (last - first) * Math.min(step, steps) / steps;
  }

  /**
   * Along half a cosine from {@code first} to {@code last}, which it stays at from {@code steps}
   * (Loshchilov, Hutter, arXiv:1608.03983).
   */
  static LearningRateSchedule cosine(double first, double last, long steps) {
    requirePositive(steps);
    return step -> interpolate(first, last, (double) Math.min(step, steps) / steps);
  }

  /** Multiplied by {@code factor} after every {@code every} steps. */
  static LearningRateSchedule step(double first, double factor, long every) {
    requirePositive(every);
    return step -> first * Math.pow(factor, (double) Math.floorDiv(step, every));
  }

  /** Multiplied by {@code factor} at every step. */
  static LearningRateSchedule exponential(double first, double factor) {
    return step -> first * Math.pow(factor, (double) step);
  }

  /**
   * Up along half a cosine from {@code max}/25 to {@code max} in the first 30% of {@code steps},
   * then down to {@code max}/250,000 (Smith, Topin, arXiv:1708.07120; PyTorch's defaults).
   */
  static LearningRateSchedule oneCycle(double max, long steps) {
    requirePositive(steps);
    double top = 0.3 * steps - 1;
    double first = max / 25;
    return step ->
        step <= top
            ? interpolate(first, max, step / top)
            : interpolate(
                max, first / 1e4, Math.min(1, (step - top) / Math.max(steps - 1 - top, 1)));
  }

  /**
   * Up along a straight line for {@code steps} steps, from 1/(steps + 1) of what {@code after}
   * begins with; then {@code after}, which counts its own steps from 0.
   */
  static LearningRateSchedule warmUp(long steps, LearningRateSchedule after) {
    return new LearningRateSchedule() {
      @Override
      public double at(long step) {
        return step < steps ? after.at(0) * (step + 1) / (steps + 1) : after.at(step - steps);
      }

      @Override
      public void observe(double validationLoss) {
        after.observe(validationLoss);
      }

      @Override
      public Map<String, Double> state() {
        return after.state();
      }

      @Override
      public void restore(Map<String, Double> state) {
        after.restore(state);
      }
    };
  }

  /** Each schedule from its first step on, which it counts as 0. The first key must be 0. */
  static LearningRateSchedule sequence(Map<Long, LearningRateSchedule> byFirstStep) {
    var ordered = new TreeMap<>(byFirstStep);
    if (ordered.isEmpty() || ordered.firstKey() != 0) {
      throw new IllegalArgumentException("sequence: needs a schedule that begins at step 0");
    }
    return step -> {
      var current = ordered.floorEntry(step);
      return current.getValue().at(step - current.getKey());
    };
  }

  private static double interpolate(double from, double to, double done) {
    return to + (from - to) * (1 + Math.cos(Math.PI * done)) / 2;
  }

  private static void requirePositive(long steps) {
    if (steps < 1) {
      throw new IllegalArgumentException("schedule: needs at least 1 step; got " + steps);
    }
  }
}
