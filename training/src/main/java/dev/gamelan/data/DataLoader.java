package dev.gamelan.data;

import dev.gamelan.tensor.Devices;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Batches of a dataset, a few of them prepared ahead on virtual threads. The order of an epoch
 * depends on the seed and the epoch alone.
 */
public final class DataLoader {
  /**
   * @param shuffle a new order in each epoch, from {@code seed}
   * @param dropLast leaves out a last batch that is not full
   * @param prefetch batches prepared ahead
   */
  public record Options(boolean shuffle, long seed, boolean dropLast, int prefetch) {
    public static final Options DEFAULT = new Options(false, 0, false, 2);

    public Options withShuffle(long otherSeed) {
      return new Options(true, otherSeed, dropLast, prefetch);
    }

    public Options withDropLast(boolean other) {
      return new Options(shuffle, seed, other, prefetch);
    }

    public Options withPrefetch(int other) {
      return new Options(shuffle, seed, dropLast, other);
    }
  }

  private final Dataset dataset;
  private final int batchSize;
  private final Options options;

  public DataLoader(Dataset dataset, int batchSize, Options options) {
    if (batchSize < 1 || options.prefetch() < 1) {
      throw new IllegalArgumentException(
          "data loader: needs a batch size and prefetch of at least 1; got %d and %d"
              .formatted(batchSize, options.prefetch()));
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.options = options;
  }

  /** The number of batches in an epoch. */
  public long batches() {
    return options.dropLast()
        ? dataset.size() / batchSize
        : Math.ceilDiv(dataset.size(), (long) batchSize);
  }

  /** The batches of epoch {@code epoch}, once. */
  public Iterable<Batch> epoch(int epoch) {
    var order = order(epoch);
    return () -> new Prefetching(order);
  }

  private long[] order(int epoch) {
    var order = new long[Math.toIntExact(dataset.size())];
    Arrays.setAll(order, i -> i);
    if (!options.shuffle()) return order;
    var random = new SplittableRandom(options.seed() * 0x9E3779B97F4A7C15L + epoch);
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      long swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  private final class Prefetching implements Iterator<Batch> {
    private final long[] order;
    private final ArrayDeque<FutureTask<Batch>> ahead = new ArrayDeque<>();
    private long started;

    Prefetching(long[] order) {
      this.order = order;
      for (int i = 0; i < options.prefetch(); i++) start();
    }

    private void start() {
      if (started >= batches()) return;
      int from = Math.toIntExact(started++ * batchSize);
      var indices = Arrays.copyOfRange(order, from, Math.min(from + batchSize, order.length));
      var device = Devices.current();
      // A started thread sees no context: the device is passed on.
      var task = new FutureTask<>(() -> Devices.use(device, () -> dataset.batch(indices)));
      ahead.add(task);
      Thread.ofVirtual().name("data-loader").start(task);
    }

    @Override
    public boolean hasNext() {
      return !ahead.isEmpty();
    }

    @Override
    public Batch next() {
      var task = ahead.poll();
      if (task == null) throw new NoSuchElementException("the epoch is over");
      start();
      try {
        return task.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while waiting for a batch", e);
      } catch (ExecutionException e) {
        throw new IllegalStateException("a batch could not be made: " + e.getCause(), e);
      }
    }
  }
}
