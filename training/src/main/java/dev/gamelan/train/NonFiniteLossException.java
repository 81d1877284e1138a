package dev.gamelan.train;

/**
 * The loss or a gradient became NaN or infinite. The step was not taken: parameters and the state
 * of the optimiser are as they were before it.
 */
public final class NonFiniteLossException extends ArithmeticException {
  private final int epoch;
  private final long batch;
  private final long step;

  NonFiniteLossException(String what, int epoch, long batch, long step) {
    super(what);
    this.epoch = epoch;
    this.batch = batch;
    this.step = step;
  }

  /** From 0. */
  public int epoch() {
    return epoch;
  }

  /** Of the epoch, from 0. */
  public long batch() {
    return batch;
  }

  /** From 0: how many steps were taken before. */
  public long step() {
    return step;
  }
}
