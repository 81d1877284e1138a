package dev.gamelan.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;
import java.util.function.Predicate;

/** Examples by number. They may be asked for on any thread, several at a time. */
public interface Dataset<T> {
  long size();

  /**
   * @throws BrokenRecordException if what it is made of can't be read, naming file and line
   */
  T get(long index);

  /** A list as it is. */
  static <T> Dataset<T> of(List<T> examples) {
    var copy = List.copyOf(examples);
    return of(copy.size(), index -> copy.get(Math.toIntExact(index)));
  }

  private static <T> Dataset<T> of(long size, Function<Long, T> get) {
    return new Dataset<>() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public T get(long index) {
        if (index < 0 || index >= size) {
          throw new IndexOutOfBoundsException("example %d of %d".formatted(index, size));
        }
        return get.apply(index);
      }
    };
  }

  /** Each example changed when it is asked for. */
  default <R> Dataset<R> map(Function<? super T, ? extends R> function) {
    return of(size(), index -> function.apply(get(index)));
  }

  /** The examples that pass; all are looked at once, now. */
  default Dataset<T> filter(Predicate<? super T> predicate) {
    var kept = new ArrayList<Long>();
    for (long i = 0; i < size(); i++) if (predicate.test(get(i))) kept.add(i);
    return subset(kept.stream().mapToLong(Long::longValue).toArray());
  }

  /** The examples with these numbers, in this order. */
  default Dataset<T> subset(long[] indices) {
    var copy = indices.clone();
    return of(copy.length, index -> get(copy[Math.toIntExact(index)]));
  }

  /** Each example kept in memory once it was asked for. */
  default Dataset<T> cache() {
    var kept = new AtomicReferenceArray<T>(Math.toIntExact(size()));
    return of(
        size(),
        index -> {
          int at = Math.toIntExact(index);
          var example = kept.get(at);
          if (example == null) {
            example = get(index);
            kept.set(at, example);
          }
          return example;
        });
  }

  /**
   * Parts with these shares of the examples, drawn at random: {@code split(1, 0.9, 0.1)} for
   * training and validation. No example is in two of them.
   */
  default List<Dataset<T>> split(long seed, double... shares) {
    double sum = 0;
    for (double share : shares) sum += share;
    if (shares.length == 0 || sum > 1 + 1e-9) {
      throw new IllegalArgumentException("split: needs shares of at most 1 in all; got " + sum);
    }
    var order = Sampler.permutation(size(), new SplittableRandom(seed));
    var parts = new ArrayList<Dataset<T>>();
    double done = 0;
    for (double share : shares) {
      int from = (int) Math.round(done * order.length);
      done += share;
      int to = (int) Math.min(Math.round(done * order.length), order.length);
      parts.add(subset(Arrays.copyOfRange(order, from, to)));
    }
    return parts;
  }
}
