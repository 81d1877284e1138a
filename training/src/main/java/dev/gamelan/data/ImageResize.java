package dev.gamelan.data;

/**
 * Linear interpolation whose filter is as wide as the step where a picture shrinks, so that every
 * pixel counts. Rows and columns are resized one after the other, which a product of filters
 * allows.
 *
 * <p>Reference: [1] Turkowski, Filters for Common Resampling Tasks, 1990: the triangle filter.
 */
final class ImageResize {
  /** Where the filter of one result begins, and its weights, which add up to 1. */
  private static final class Taps {
    private final int start;
    private final float[] weights;

    Taps(int start, float[] weights) {
      this.start = start;
      this.weights = weights;
    }

    float sum(Value value) {
      float sum = 0;
      for (int i = 0; i < weights.length; i++) sum += weights[i] * value.at(start + i);
      return sum;
    }
  }

  /** An element along the axis that is resized. */
  @FunctionalInterface
  private interface Value {
    float at(int index);
  }

  private ImageResize() {}

  static Image linear(Image image, int height, int width) {
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException(
          "resize: needs positive sizes; got %d × %d".formatted(height, width));
    }
    var columns = taps(image.width(), width);
    var wide =
        Image.fill(
            image.channels(),
            image.height(),
            width,
            (c, y, x) -> columns[x].sum(i -> image.at(c, y, i)));
    var rows = taps(image.height(), height);
    return Image.fill(
        image.channels(), height, width, (c, y, x) -> rows[y].sum(i -> wide.at(c, i, x)));
  }

  private static Taps[] taps(int from, int to) {
    double step = (double) from / to;
    double support = Math.max(step, 1);
    var all = new Taps[to];
    for (int i = 0; i < to; i++) {
      double center = step * (i + 0.5);
      int start = Math.max((int) (center - support + 0.5), 0);
      int end = Math.min((int) (center + support + 0.5), from);
      var weights = new float[end - start];
      double sum = 0;
      for (int j = 0; j < weights.length; j++) {
        double distance = Math.abs(start + j - center + 0.5) / support;
        weights[j] = (float) Math.max(1 - distance, 0);
        sum += weights[j];
      }
      for (int j = 0; j < weights.length; j++) weights[j] /= (float) sum;
      all[i] = new Taps(start, weights);
    }
    return all;
  }
}
