package dev.gamelan.train;

import java.util.Map;

/** Where a training is: what was done, not what is being done. */
final class Position {
  int epoch;

  /** The next one of the epoch. */
  long batch;

  /** In the epoch. */
  long batches;

  /** Of the epoch's data, as {@link dev.gamelan.data.DataLoader#order} gives it. */
  int order;

  long step;

  /** Of the epoch's steps so far. */
  double lossSum;

  long lossCount;

  /** Of the last validation. */
  Map<String, Double> metrics = Map.of();

  /** The step that it was made at. */
  long measured;

  void nextEpoch() {
    epoch++;
    batch = 0;
    lossSum = 0;
    lossCount = 0;
  }

  Progress progress(float loss, long steps, double learningRate) {
    return new Progress(epoch, batch - 1, batches, step, steps, loss, learningRate);
  }
}
