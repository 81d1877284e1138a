package dev.gamelan.data;

import dev.gamelan.tensor.Devices;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Batches of a dataset, a few of them prepared ahead on virtual threads. What they hold depends on
 * the seeds and the epoch alone, however many are prepared at a time.
 */
public final class DataLoader<T> {
  private static final System.Logger LOG = System.getLogger(DataLoader.class.getName());

  private record Options<T>(
      BatchSampler batches,
      int prefetch,
      boolean skipBroken,
      @Nullable Augmentation<T> augmentation,
      long augmentationSeed) {
    Options<T> withPrefetch(int other) {
      return new Options<>(batches, other, skipBroken, augmentation, augmentationSeed);
    }

    Options<T> withSkipBroken() {
      return new Options<>(batches, prefetch, true, augmentation, augmentationSeed);
    }

    Options<T> withAugmentation(Augmentation<T> other, long seed) {
      return new Options<>(batches, prefetch, skipBroken, other, seed);
    }
  }

  private final Dataset<T> dataset;
  private final Collator<? super T> collator;
  private final Options<T> options;
  private final AtomicLong skipped;

  private DataLoader(
      Dataset<T> dataset, Collator<? super T> collator, Options<T> options, AtomicLong skipped) {
    this.dataset = dataset;
    this.collator = collator;
    this.options = options;
    this.skipped = skipped;
  }

  /** All examples in order, stacked. */
  public static DataLoader<Example> of(Dataset<Example> dataset, int batchSize) {
    return of(dataset, Collator.stack(), batchSize);
  }

  /** All examples in order. */
  public static <T> DataLoader<T> of(
      Dataset<T> dataset, Collator<? super T> collator, int batchSize) {
    return of(
        dataset, collator, BatchSampler.of(Sampler.sequential(dataset.size()), batchSize, false));
  }

  /**
   * Every example once an epoch in a new order; batches are full, what is left over is not seen.
   */
  public static DataLoader<Example> shuffled(Dataset<Example> dataset, int batchSize, long seed) {
    boolean dropLast = dataset.size() >= batchSize;
    var sampler = Sampler.shuffled(dataset.size(), seed);
    return of(dataset, Collator.stack(), BatchSampler.of(sampler, batchSize, dropLast));
  }

  public static <T> DataLoader<T> of(
      Dataset<T> dataset, Collator<? super T> collator, BatchSampler batches) {
    var options = new Options<T>(batches, 2, false, null, 0);
    return new DataLoader<>(dataset, collator, options, new AtomicLong());
  }

  private DataLoader<T> with(Options<T> other) {
    return new DataLoader<>(dataset, collator, other, skipped);
  }

  /**
   * @param batches prepared at a time, ahead of the one that is used
   */
  public DataLoader<T> withPrefetch(int batches) {
    if (batches < 1) {
      throw new IllegalArgumentException(
          "data loader: needs a prefetch of at least 1; got " + batches);
    }
    return with(options.withPrefetch(batches));
  }

  /** Leaves out examples that can't be read, and counts them, instead of failing. */
  public DataLoader<T> withSkipBroken() {
    return with(options.withSkipBroken());
  }

  /** Changes every example at random before it is put in a batch. */
  public DataLoader<T> withAugmentation(Augmentation<T> augmentation, long seed) {
    return with(options.withAugmentation(augmentation, seed));
  }

  /** How many examples were left out so far, in all epochs; one that comes again counts again. */
  public long skipped() {
    return skipped.get();
  }

  /** The number of batches of an epoch. */
  public long batches(int epoch) {
    return options.batches().batches(epoch).size();
  }

  /**
   * A hash of which examples make which batch of an epoch, and how they are changed, by which a
   * training that goes on tells whether it has the data that it had.
   */
  public int order(int epoch) {
    return options.batches().batches(epoch).stream()
        .mapToInt(Arrays::hashCode)
        .reduce(
            Objects.hash(dataset.size(), options.augmentationSeed()),
            (hash, batch) -> 31 * hash + batch);
  }

  /** The batches of epoch {@code epoch}. */
  public Iterable<Batch> epoch(int epoch) {
    return () -> batches(epoch, 0);
  }

  /** The batches of an epoch from one on, which is where a training that was stopped goes on. */
  public Batches batches(int epoch, long firstBatch) {
    return new Prefetching(options.batches().batches(epoch), firstBatch, epoch);
  }

  /** Batches, and how far one is. */
  public sealed interface Batches extends Iterator<Batch> {
    /** The number of the next batch in the epoch, which counts those that were left out too. */
    long done();
  }

  /** Empty if every example was left out. */
  private Optional<Batch> load(long[] indices, int epoch) {
    var examples = new ArrayList<T>(indices.length);
    for (long index : indices) {
      try {
        examples.add(augmented(dataset.get(index), index, epoch));
      } catch (BrokenRecordException e) {
        if (!options.skipBroken()) throw e;
        if (skipped.getAndIncrement() == 0) {
          LOG.log(System.Logger.Level.WARNING, "left out, as others may be: {0}", e.getMessage());
        }
      }
    }
    return examples.isEmpty() ? Optional.empty() : Optional.of(collator.collate(examples));
  }

  private T augmented(T example, long index, int epoch) {
    var augmentation = options.augmentation();
    if (augmentation == null) return example;
    return augmentation.apply(example, Seeds.of(options.augmentationSeed(), epoch, index));
  }

  private final class Prefetching implements Batches {
    private final List<long[]> batches;
    private final int epoch;
    private final ArrayDeque<FutureTask<Optional<Batch>>> ahead = new ArrayDeque<>();
    private int started;
    private long finished;
    private long done;
    private @Nullable Batch next;

    Prefetching(List<long[]> batches, long first, int epoch) {
      this.batches = batches;
      this.epoch = epoch;
      this.started = (int) Math.min(first, batches.size());
      this.finished = started;
      this.done = started;
      for (int i = 0; i < options.prefetch(); i++) start();
    }

    private void start() {
      if (started == batches.size()) return;
      var indices = batches.get(started++);
      var device = Devices.current();
      // A started thread sees no context: the device is passed on.
      var task = new FutureTask<>(() -> Devices.use(device, () -> load(indices, epoch)));
      ahead.add(task);
      Thread.ofVirtual().name("data-loader").start(task);
    }

    @Override
    public boolean hasNext() {
      while (next == null && !ahead.isEmpty()) {
        var task = ahead.remove();
        start();
        next = result(task).orElse(null);
        finished++;
      }
      return next != null;
    }

    @Override
    public Batch next() {
      if (!hasNext()) throw new NoSuchElementException("the epoch is over");
      var batch = Objects.requireNonNull(next);
      next = null;
      done = finished;
      return batch;
    }

    @Override
    public long done() {
      return done;
    }

    private Optional<Batch> result(FutureTask<Optional<Batch>> task) {
      try {
        return task.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while waiting for a batch", e);
      } catch (ExecutionException e) {
        switch (e.getCause()) {
          case RuntimeException unchecked -> throw unchecked;
          case Error error -> throw error;
          case null, default -> throw new IllegalStateException("a batch could not be made", e);
        }
      }
    }
  }
}
