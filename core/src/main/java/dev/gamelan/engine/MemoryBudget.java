package dev.gamelan.engine;

import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a device's memory is spent on. The core reserves outputs and workspaces here before a run,
 * engines their pools and packs.
 *
 * <p>Buffers that nothing reaches any more are freed when the JVM's collector finds that out, which
 * knows nothing of their size: so it is asked to look whenever more was reserved, since it last
 * was, than half of what was in use then.
 */
public final class MemoryBudget {
  private static final int NAMED_IN_ERRORS = 8;

  /** How much may be reserved at least before unreachable buffers are looked for. */
  private static final long LEAST_GROWTH = 256L << 20;

  /** Bytes that stay reserved until it is closed. */
  public final class Reservation implements AutoCloseable {
    private final long bytes;

    /** A type or a text. */
    private final Object what;

    private @Nullable Reservation previous;
    private @Nullable Reservation next;
    private boolean closed;

    private Reservation(long bytes, Object what) {
      this.bytes = bytes;
      this.what = what;
    }

    @Override
    public void close() {
      synchronized (MemoryBudget.this) {
        if (closed) return;
        closed = true;
        used -= bytes;
        if (previous == null) first = next;
        else previous.next = next;
        if (next != null) next.previous = previous;
      }
    }
  }

  private record Entry(long bytes, Object what) {}

  private final String device;

  /** What is live, as a list. */
  private @Nullable Reservation first;

  private final List<Runnable> reclaimers = new ArrayList<>();
  private final List<Runnable> collectors = new ArrayList<>();
  private long limit;
  private long used;
  private long collectAbove = LEAST_GROWTH;

  public MemoryBudget(Device device, long limit) {
    this.device = device.toString();
    this.limit = limit;
  }

  /** What tensors in the machine's own memory may fill: most of it. */
  public static long hostLimit() {
    return HostMemory.bytes() / 10 * 8;
  }

  public synchronized long limit() {
    return limit;
  }

  /** Does not touch what is reserved already. */
  public synchronized void setLimit(long bytes) {
    limit = bytes;
  }

  public synchronized long used() {
    return used;
  }

  /** Runs when a reservation does not fit, to give back what can be had again. */
  public synchronized void onPressure(Runnable reclaimer) {
    reclaimers.add(reclaimer);
  }

  /** Runs when much has been reserved, to let go of what is unreachable. */
  public synchronized void onGrowth(Runnable collector) {
    collectors.add(collector);
  }

  public Reservation reserve(TensorType type) {
    return reserve(type.bytes(), (Object) type);
  }

  /**
   * Reserves {@code bytes} for {@code what}.
   *
   * @throws OutOfMemoryException naming the largest live tensors, when it does not fit even after
   *     unreachable buffers were let go
   */
  public Reservation reserve(long bytes, String what) {
    return reserve(bytes, (Object) what);
  }

  private Reservation reserve(long bytes, Object what) {
    for (var reclaimer : reclaimersIfFull(bytes)) {
      reclaimer.run();
      if (fits(bytes)) break;
    }
    collectIfGrown(bytes);
    synchronized (this) {
      if (bytes > limit - used) throw new OutOfMemoryException(message(bytes, what));
      used += bytes;
      var reservation = new Reservation(bytes, what);
      reservation.next = first;
      if (first != null) first.previous = reservation;
      first = reservation;
      return reservation;
    }
  }

  private void collectIfGrown(long bytes) {
    List<Runnable> running;
    synchronized (this) {
      if (used + bytes <= collectAbove) return;
      collectAbove = Long.MAX_VALUE; // Once, not in every thread.
      running = List.copyOf(collectors);
    }
    try {
      running.forEach(Runnable::run);
    } finally {
      synchronized (this) {
        collectAbove = used + bytes + Math.max(LEAST_GROWTH, used / 2);
      }
    }
  }

  private synchronized boolean fits(long bytes) {
    return bytes <= limit - used;
  }

  private synchronized List<Runnable> reclaimersIfFull(long bytes) {
    return fits(bytes) ? List.of() : List.copyOf(reclaimers);
  }

  private String message(long bytes, Object what) {
    var live = new HashMap<Entry, Integer>();
    for (var r = first; r != null; r = r.next) {
      live.merge(new Entry(r.bytes, r.what), 1, Integer::sum);
    }
    var largest =
        live.entrySet().stream()
            .sorted(
                Comparator.comparingLong(
                        (Map.Entry<Entry, Integer> e) -> e.getKey().bytes() * e.getValue())
                    .reversed())
            .limit(NAMED_IN_ERRORS)
            .map(
                e ->
                    "%d × %s (%s)"
                        .formatted(
                            e.getValue(),
                            e.getKey().what(),
                            human(e.getKey().bytes() * e.getValue())))
            .collect(Collectors.joining(", "));
    return "%s is out of memory: %s needs %s, %s of %s are in use; the largest: %s; use smaller batches, or Scope.run to free what is done with"
        .formatted(
            device,
            what,
            human(bytes),
            human(used),
            human(limit),
            largest.isEmpty() ? "nothing" : largest);
  }

  private static String human(long bytes) {
    if (bytes < 1 << 10) return bytes + " B";
    if (bytes < 1 << 20) return "%.1f KiB".formatted(bytes / 0x1p10);
    if (bytes < 1 << 30) return "%.1f MiB".formatted(bytes / 0x1p20);
    return "%.1f GiB".formatted(bytes / 0x1p30);
  }
}
