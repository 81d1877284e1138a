package dev.gamelan.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.LongUnaryOperator;

/** Which examples of an epoch make a batch together. */
@FunctionalInterface
public interface BatchSampler {
  /** Numbers of examples, batch by batch. */
  List<long[]> batches(int epoch);

  /**
   * The next {@code batchSize} examples of {@code sampler} each.
   *
   * @param dropLast leaves out a last batch that is not full
   */
  static BatchSampler of(Sampler sampler, int batchSize, boolean dropLast) {
    requirePositive(batchSize);
    return epoch -> cut(sampler.order(epoch), batchSize, dropLast);
  }

  /**
   * Batches of examples of like length, so that little of a batch is padding: {@code pool} batches
   * at a time are sorted by length and cut, and then come in a random order.
   */
  static BatchSampler byLength(
      Sampler sampler, LongUnaryOperator length, int batchSize, int pool, long seed) {
    requirePositive(batchSize);
    requirePositive(pool);
    return epoch -> {
      var order = sampler.order(epoch);
      var batches = new ArrayList<long[]>();
      for (var examples : cut(order, Math.multiplyExact(batchSize, pool), false)) {
        var sorted =
            Arrays.stream(examples)
                .boxed()
                .sorted(Comparator.comparingLong(length::applyAsLong))
                .mapToLong(Long::longValue)
                .toArray();
        batches.addAll(cut(sorted, batchSize, false));
      }
      var random = Seeds.of(seed, epoch);
      var shuffled = new ArrayList<long[]>();
      for (long i : Sampler.permutation(batches.size(), random)) shuffled.add(batches.get((int) i));
      return shuffled;
    };
  }

  private static List<long[]> cut(long[] order, int size, boolean dropLast) {
    var parts = new ArrayList<long[]>();
    for (int from = 0; from < order.length; from += size) {
      int to = Math.min(order.length - from, size) + from;
      if (to - from == size || !dropLast) parts.add(Arrays.copyOfRange(order, from, to));
    }
    return parts;
  }

  private static void requirePositive(int size) {
    if (size < 1) {
      throw new IllegalArgumentException("batches: needs a size of at least 1; got " + size);
    }
  }
}
