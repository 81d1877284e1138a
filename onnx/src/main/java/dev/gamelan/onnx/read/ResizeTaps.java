package dev.gamelan.onnx.read;

import java.util.Arrays;

/**
 * Which elements of an axis make up each element of the resized axis, and with what weights. Sizes
 * are static, so all of it is known at import.
 */
final class ResizeTaps {
  private final long[][] positions;
  private final double[][] weights;
  private final long[] outside;

  private ResizeTaps(long[][] positions, double[][] weights, long[] outside) {
    this.positions = positions;
    this.weights = weights;
    this.outside = outside;
  }

  /** Attributes of the operator. */
  record Settings(
      String mode,
      String coordinates,
      String nearest,
      double cubic,
      boolean excludeOutside,
      boolean antialias) {
    static Settings of(String mode, String coordinates, String nearest) {
      return new Settings(mode, coordinates, nearest, -0.75, false, false);
    }
  }

  static ResizeTaps of(
      Settings settings, long from, double scale, int to, double start, double end, OpContext n) {
    double stretch = settings.antialias() ? Math.min(scale, 1) : 1;
    int first =
        switch (settings.mode()) {
          case "nearest" -> 0;
          case "linear", "bilinear" -> (int) Math.floor(-1 / stretch) + 1;
          case "cubic", "bicubic" -> (int) Math.floor(-2 / stretch) + 1;
          default -> throw n.error("has mode '%s'".formatted(settings.mode()));
        };
    boolean nearest = settings.mode().equals("nearest");
    boolean cubic = settings.mode().contains("cubic");
    // A scale of almost nothing would see all of the axis at once.
    if (first < -1024) throw n.error("shrinks an axis by more than 512");
    int taps = nearest ? 1 : cubic ? 4 - 2 * (first + 1) : 2 - 2 * first;
    var positions = new long[taps][to];
    var weights = new double[taps][to];
    var outside = new long[to];
    for (int i = 0; i < to; i++) {
      double x = position(settings.coordinates(), i, from, scale, to, start, end, n);
      if (settings.coordinates().equals("tf_crop_and_resize") && (x < 0 || x > from - 1)) {
        outside[i] = 1;
      }
      if (nearest) {
        positions[0][i] = Math.clamp(round(settings.nearest(), x, n), 0, from - 1);
        continue;
      }
      double floor = Math.floor(x);
      double sum = 0;
      for (int t = 0; t < taps; t++) {
        double at = floor + first + t;
        double distance = (at - x) * stretch;
        double weight =
            cubic ? kernel(distance, settings.cubic()) : Math.max(1 - Math.abs(distance), 0);
        if (settings.excludeOutside() && (at < 0 || at >= from)) weight = 0;
        positions[t][i] = Math.clamp((long) at, 0, from - 1);
        weights[t][i] = weight;
        sum += weight;
      }
      // Those of a stretched kernel, or of one that is cut off, do not sum to 1 by themselves.
      if (settings.excludeOutside() || settings.antialias()) {
        for (int t = 0; t < taps; t++) weights[t][i] /= sum;
      }
    }
    boolean none = Arrays.stream(outside).allMatch(o -> o == 0);
    return new ResizeTaps(positions, weights, none ? new long[0] : outside);
  }

  /** For each tap, the element that each element of the result takes. */
  long[][] positions() {
    return positions;
  }

  double[][] weights() {
    return weights;
  }

  /** 1 where the result is the extrapolation value; empty if nowhere. */
  long[] outside() {
    return outside;
  }

  /** Where element {@code i} of the result lies on the axis. */
  private static double position(
      String mode, int i, long from, double scale, int to, double start, double end, OpContext n) {
    double exact = scale * from;
    return switch (mode) {
      case "half_pixel" -> (i + 0.5) / scale - 0.5;
      case "pytorch_half_pixel" -> exact == 1 ? -0.5 : (i + 0.5) / scale - 0.5;
      case "half_pixel_symmetric" -> from / 2.0 * (1 - to / exact) + (i + 0.5) / scale - 0.5;
      case "align_corners" -> exact == 1 ? 0 : i * (from - 1) / (exact - 1);
      case "asymmetric" -> i / scale;
      case "tf_half_pixel_for_nn" -> (i + 0.5) / scale;
      case "tf_crop_and_resize" ->
          start * (from - 1)
              + (exact == 1
                  ? (end - start) * (from - 1) / 2
                  : i * (end - start) * (from - 1) / (exact - 1));
      default -> throw n.error("has coordinate_transformation_mode '%s'".formatted(mode));
    };
  }

  private static long round(String mode, double x, OpContext n) {
    return (long)
        switch (mode) {
          case "round_prefer_floor" -> Math.ceil(x - 0.5);
          case "round_prefer_ceil" -> Math.floor(x + 0.5);
          case "floor" -> Math.floor(x);
          case "ceil" -> Math.ceil(x);
          default -> throw n.error("has nearest_mode '%s'".formatted(mode));
        };
  }

  /** Keys' cubic convolution (IEEE ASSP 29, 1981). */
  private static double kernel(double distance, double a) {
    double d = Math.abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  }
}
