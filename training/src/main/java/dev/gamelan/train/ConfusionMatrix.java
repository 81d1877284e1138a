package dev.gamelan.train;

import java.util.Locale;
import java.util.function.IntToDoubleFunction;

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
    for (int i = 0; i < labels.length; i++) {
      counts[checked(labels[i])][checked(predictions[i])]++;
    }
  }

  private int checked(int label) {
    if (label >= 0 && label < counts.length) return label;
    throw new IllegalArgumentException(
        "confusion matrix: class %d is none of %d".formatted(label, counts.length));
  }

  /** How often {@code label} was taken for {@code prediction}. */
  public long count(int label, int prediction) {
    return counts[label][prediction];
  }

  /** The share that was right; NaN of nothing. */
  public double accuracy() {
    long right = 0;
    long all = 0;
    for (int i = 0; i < counts.length; i++) {
      right += counts[i][i];
      all += ofClass(i);
    }
    return (double) right / all;
  }

  /** A class that nothing was taken for has precision 0. */
  public double precision(Metrics.Average average) {
    return average(average, this::precision);
  }

  /** A class that does not occur has recall 0. */
  public double recall(Metrics.Average average) {
    return average(average, this::recall);
  }

  public double f1(Metrics.Average average) {
    return average(
        average,
        c -> {
          double sum = precision(c) + recall(c);
          return sum == 0 ? 0 : 2 * precision(c) * recall(c) / sum;
        });
  }

  private double precision(int c) {
    return ratio(counts[c][c], takenFor(c));
  }

  private double recall(int c) {
    return ratio(counts[c][c], ofClass(c));
  }

  private static double ratio(long part, long all) {
    return all == 0 ? 0 : (double) part / all;
  }

  private long ofClass(int c) {
    long sum = 0;
    for (long count : counts[c]) sum += count;
    return sum;
  }

  private long takenFor(int c) {
    long sum = 0;
    for (var row : counts) sum += row[c];
    return sum;
  }

  /** Over classes that occur, as labels or predictions. */
  private double average(Metrics.Average average, IntToDoubleFunction of) {
    double sum = 0;
    double weights = 0;
    for (int c = 0; c < counts.length; c++) {
      long occurs = ofClass(c) + takenFor(c);
      double weight =
          switch (average) {
            case MACRO -> occurs > 0 ? 1 : 0;
            case WEIGHTED -> ofClass(c);
          };
      sum += weight * of.applyAsDouble(c);
      weights += weight;
    }
    return sum / weights;
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
