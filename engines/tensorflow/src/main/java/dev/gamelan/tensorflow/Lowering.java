package dev.gamelan.tensorflow;

import java.util.Locale;

/** How a graph goes to TensorFlow. */
enum Lowering {
  /** Whichever is likely to be faster. */
  AUTO,
  /** As TensorFlow's own ops. */
  GRAPH,
  /** As StableHLO, which XLA compiles whole. */
  XLA;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
