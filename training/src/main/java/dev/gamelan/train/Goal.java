package dev.gamelan.train;

/** Which values of a metric are better. */
public enum Goal {
  SMALLEST,
  LARGEST;

  /** Whether {@code value} beats {@code best} by more than {@code margin}. NaN beats nothing. */
  boolean isBetter(double value, double best, double margin) {
    return switch (this) {
      case SMALLEST -> value < best - margin;
      case LARGEST -> value > best + margin;
    };
  }

  double worst() {
    return switch (this) {
      case SMALLEST -> Double.POSITIVE_INFINITY;
      case LARGEST -> Double.NEGATIVE_INFINITY;
    };
  }
}
