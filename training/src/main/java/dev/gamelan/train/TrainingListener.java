package dev.gamelan.train;

/** Is told how training goes. */
public interface TrainingListener {
  /**
   * @param batch from 0
   * @param loss of this batch
   */
  default void afterBatch(int epoch, long batch, long batches, float loss) {}

  /**
   * @param loss the mean over the epoch's batches
   */
  default void afterEpoch(int epoch, int epochs, float loss) {}
}
