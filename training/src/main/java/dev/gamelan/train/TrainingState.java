package dev.gamelan.train;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a checkpoint holds besides tensors. Random draws need nothing here: they follow from the
 * seed and the step, and the order of the data from its own seed and the epoch.
 *
 * @param batch the next one of the epoch
 * @param order of the epoch's data as a hash, to notice another loader
 * @param lossSum of the epoch's steps so far
 * @param metrics of the last validation
 * @param measured the step that it was made at: {@code step}, where it is of these weights
 */
record TrainingState(
    int version,
    long seed,
    int epoch,
    long batch,
    int order,
    long step,
    double lossSum,
    long lossCount,
    Map<String, Double> metrics,
    long measured,
    Map<String, Double> schedule,
    Map<String, Double> earlyStopping,
    List<Map<String, List<History.Point>>> histories) {
  static final int VERSION = 1;

  /** Files are not trusted: what is missing in one is null here. */
  TrainingState {
    Objects.requireNonNull(metrics);
    Objects.requireNonNull(schedule);
    Objects.requireNonNull(earlyStopping);
    Objects.requireNonNull(histories);
    if (epoch < 0 || batch < 0 || step < 0) {
      throw new IllegalArgumentException("no place in a training is negative");
    }
  }
}
