package dev.gamelan.train;

import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The probability that an example of class 1 scores higher than one of class 0, where equal scores
 * count half.
 *
 * <p>Reference: [1] Hanley, McNeil, Radiology 143, 1982: the area as a rank statistic.
 */
final class RocAuc implements Metric {
  private record Scored(double score, boolean positive) {}

  private final List<Scored> all = new ArrayList<>();

  @Override
  public String name() {
    return "roc auc";
  }

  @Override
  public void reset() {
    all.clear();
  }

  @Override
  public void add(Tensor predictions, Tensor targets) {
    var scores = predictions.toDoubleArray();
    var labels = targets.toDoubleArray();
    if (scores.length != labels.length) {
      throw new IllegalArgumentException(
          "roc auc: needs a score for each target; got %s and %s"
              .formatted(predictions.type(), targets.type()));
    }
    for (int i = 0; i < scores.length; i++) all.add(new Scored(scores[i], labels[i] > 0.5));
  }

  @Override
  public double value() {
    all.sort(Comparator.comparingDouble(Scored::score));
    double rankSum = 0;
    double positives = 0;
    for (int from = 0; from < all.size(); ) {
      int to = from;
      double score = all.get(from).score();
      while (to < all.size() && Double.compare(all.get(to).score(), score) == 0) to++;
      double rank = (from + 1 + to) / 2.0; // Equal scores share the mean of their ranks.
      for (int i = from; i < to; i++) {
        if (all.get(i).positive()) {
          rankSum += rank;
          positives++;
        }
      }
      from = to;
    }
    double negatives = all.size() - positives;
    return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
  }
}
