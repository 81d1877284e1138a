package dev.gamelan.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** The order of the examples of an epoch; a function of the epoch alone, so that it can resume. */
@FunctionalInterface
public interface Sampler {
  /** Numbers of examples. */
  long[] order(int epoch);

  /** 0, 1, … size − 1. */
  static Sampler sequential(long size) {
    return epoch -> {
      var order = new long[Math.toIntExact(size)];
      Arrays.setAll(order, i -> i);
      return order;
    };
  }

  /** Every example once, in a new order each epoch. */
  static Sampler shuffled(long size, long seed) {
    return epoch -> permutation(size, Seeds.of(seed, epoch));
  }

  /**
   * {@code count} examples with replacement, each drawn in proportion to its weight: to see rare
   * classes more often.
   */
  static Sampler weighted(double[] weights, long count, long seed) {
    var cumulative = new double[weights.length];
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      if (!(weights[i] >= 0) || Double.isInfinite(weights[i])) {
        throw new IllegalArgumentException(
            "sampler: needs finite weights of at least 0; weight %d is %s"
                .formatted(i, weights[i]));
      }
      sum += weights[i];
      cumulative[i] = sum;
    }
    if (!(sum > 0)) throw new IllegalArgumentException("sampler: needs a positive weight");
    double total = sum;
    return epoch -> {
      var random = Seeds.of(seed, epoch);
      var order = new long[Math.toIntExact(count)];
      Arrays.setAll(order, i -> indexOf(cumulative, random.nextDouble() * total));
      return order;
    };
  }

  private static long indexOf(double[] cumulative, double at) {
    int found = Arrays.binarySearch(cumulative, at);
    // The first that is larger: those of weight 0 share their predecessor's sum.
    int index = found >= 0 ? found + 1 : -found - 1;
    while (index < cumulative.length - 1 && cumulative[index] <= at) index++;
    return Math.min(index, cumulative.length - 1);
  }

  /** Every example once, shuffled, with each class spread evenly over the epoch. */
  static Sampler stratified(int[] labels, long seed) {
    var byLabel = new TreeMap<Integer, ArrayList<Integer>>();
    for (int i = 0; i < labels.length; i++) {
      byLabel.computeIfAbsent(labels[i], label -> new ArrayList<>()).add(i);
    }
    record Placed(double place, int example) {}
    return epoch -> {
      var random = Seeds.of(seed, epoch);
      var placed = new ArrayList<Placed>();
      for (var examples : byLabel.values()) {
        var order = permutation(examples.size(), random);
        for (int i = 0; i < order.length; i++) {
          double place = (i + random.nextDouble()) / order.length;
          placed.add(new Placed(place, examples.get((int) order[i])));
        }
      }
      placed.sort(Comparator.comparingDouble(Placed::place).thenComparingInt(Placed::example));
      return placed.stream().mapToLong(Placed::example).toArray();
    };
  }

  /**
   * The part of this order for process {@code rank} of {@code count}; all parts have one length,
   * for which the first examples come again where the number does not divide.
   */
  default Sampler shard(int rank, int count) {
    if (rank < 0 || rank >= count) {
      throw new IllegalArgumentException(
          "shard: needs 0 ≤ rank < %d; got %d".formatted(count, rank));
    }
    return epoch -> {
      var all = order(epoch);
      var part = new long[Math.ceilDiv(all.length, count)];
      Arrays.setAll(part, i -> all[(int) (((long) i * count + rank) % all.length)]);
      return part;
    };
  }

  /** 0 … size − 1 in a random order. */
  static long[] permutation(long size, RandomGenerator random) {
    var order = new long[Math.toIntExact(size)];
    Arrays.setAll(order, i -> i);
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      long swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
