package dev.gamelan.train;

import java.util.Locale;

/** How often each class was taken for each other. */
public final class ConfusionMatrix {
  private final long[][] counts;

  public ConfusionMatrix(int classes) {
    this.counts = new long[classes][classes];
  }

  /** Counts a pair for each element. */
  public void add(int[] labels, int[] predictions) {
    if (labels.length != predictions.length) {
      throw new IllegalArgumentException(
          "as many labels as predictions are needed; got %d and %d"
              .formatted(labels.length, predictions.length));
    }
    for (int i = 0; i < labels.length; i++) counts[labels[i]][predictions[i]]++;
  }

  /** The share that was right; NaN of nothing. */
  public double accuracy() {
    long right = 0;
    long all = 0;
    for (int i = 0; i < counts.length; i++) {
      right += counts[i][i];
      for (long count : counts[i]) all += count;
    }
    return (double) right / all;
  }

  /** A row for each class, a column for what it was taken for. */
  @Override
  public String toString() {
    var text = new StringBuilder("true \\ predicted\n     ");
    for (int i = 0; i < counts.length; i++) text.append("%5d".formatted(i));
    for (int i = 0; i < counts.length; i++) {
      text.append(String.format(Locale.ROOT, "%n%5d", i));
      for (long count : counts[i]) text.append(count == 0 ? "    ·" : "%5d".formatted(count));
    }
    return text.toString();
  }
}
