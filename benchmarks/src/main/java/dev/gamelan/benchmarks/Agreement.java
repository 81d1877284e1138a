package dev.gamelan.benchmarks;

import java.util.Locale;

/**
 * How close two results must be.
 *
 * @param error the largest difference, as a share of the largest element
 * @param cosine the least cosine of the angle between them
 */
public record Agreement(double error, double cosine) {
  public static final Agreement F32 = new Agreement(1e-3, 0.999999);
  public static final Agreement BF16 = new Agreement(2e-2, 0.9995);
  public static final Agreement INT8 = new Agreement(1, 0.99);

  /**
   * The measured values as text.
   *
   * @throws IllegalStateException if they are too far apart
   */
  String check(String what, float[] expected, float[] actual) {
    if (expected.length != actual.length) {
      throw new IllegalStateException(
          "%s gives %d numbers instead of %d".formatted(what, actual.length, expected.length));
    }
    double largest = 0;
    double difference = 0;
    double dot = 0;
    double a = 0;
    double b = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs((double) expected[i] - actual[i]));
      dot += (double) expected[i] * actual[i];
      a += (double) expected[i] * expected[i];
      b += (double) actual[i] * actual[i];
    }
    double share = difference / largest;
    double angle = dot / Math.sqrt(a * b);
    var text = String.format(Locale.ROOT, "error %.1e × scale, cosine %.6f", share, angle);
    // So written that NaN fails.
    if (!(share <= error && angle >= cosine)) {
      throw new IllegalStateException(
          "%s computes something else: %s; asked for %.1e and %.6f"
              .formatted(what, text, error, cosine));
    }
    return text;
  }
}
