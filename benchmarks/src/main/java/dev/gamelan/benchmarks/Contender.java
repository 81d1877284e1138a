package dev.gamelan.benchmarks;

/** A program in one library, ready to be called. */
public interface Contender extends AutoCloseable {
  /**
   * What all contenders must agree on, computed before anything is timed: the outputs for the
   * program's first input, or of a training the losses of its first steps and then all parameters.
   */
  float[] result() throws Exception;

  /** One call as a user makes it: writes an input that changed, computes, and reads the output. */
  void call() throws Exception;

  @Override
  void close();
}
