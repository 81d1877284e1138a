package dev.gamelan.train;

import java.util.Map;

/** Is told how training goes, in the thread that trains. */
public interface TrainingListener {
  /**
   * @param step how many are done: more than 0 where a training goes on
   */
  default void beforeTraining(long step) {}

  default void afterStep(Progress progress) {}

  default void beforeValidation(Progress progress) {}

  /**
   * @param metrics by name; {@link Validation#LOSS} is one of them
   */
  default void afterValidation(Progress progress, Map<String, Double> metrics) {}

  /**
   * @param meanLoss over the epoch's steps
   */
  default void afterEpoch(Progress progress, double meanLoss) {}
}
