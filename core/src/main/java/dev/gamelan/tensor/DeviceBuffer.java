package dev.gamelan.tensor;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.type.TensorType;
import java.lang.ref.Cleaner;
import org.jspecify.annotations.Nullable;

/**
 * A buffer, its place in the budget and who uses it. Freed when it is unreachable, or closed and no
 * longer in use by a run.
 */
final class DeviceBuffer {
  private static final class Owned implements Runnable {
    private final Buffer buffer;
    private MemoryBudget.@Nullable Reservation reservation;

    Owned(Buffer buffer, MemoryBudget.@Nullable Reservation reservation) {
      this.buffer = buffer;
      this.reservation = reservation;
    }

    @Override
    public synchronized void run() {
      buffer.close();
      if (reservation != null) reservation.close();
    }

    synchronized MemoryBudget.@Nullable Reservation handOver() {
      var handed = reservation;
      reservation = null;
      return handed;
    }
  }

  private final Owned owned;

  /** Null where the collector does all there is to do. */
  private final Cleaner.@Nullable Cleanable cleanable;

  private int users;
  private boolean shared;
  private boolean closed;

  /**
   * @param reservation null if there is none
   */
  DeviceBuffer(Buffer buffer, MemoryBudget.@Nullable Reservation reservation) {
    if (buffer.needsClosing()) {
      this.owned = new Owned(buffer, reservation);
      this.cleanable = DeviceState.of(buffer.device()).cleaner().register(this, owned);
    } else {
      if (reservation != null) reservation.close();
      this.owned = new Owned(buffer, null);
      this.cleanable = null;
    }
  }

  TensorType type() {
    return owned.buffer.type();
  }

  Device device() {
    return owned.buffer.device();
  }

  /** Its place in the budget, if any, for the buffer that was computed in its memory. */
  MemoryBudget.@Nullable Reservation handOverReservation() {
    return owned.handOver();
  }

  /** For a run or a read; {@link #release} afterwards. */
  synchronized Buffer acquire() {
    if (closed) {
      throw new EngineException(
          "a tensor %s was used after its scope ended; return it from Scope.run to keep it"
              .formatted(type()));
    }
    users++;
    return owned.buffer;
  }

  synchronized void release() {
    if (--users == 0 && closed) clean();
  }

  /** A handle to it is out in the program: it must not be overwritten. */
  synchronized void share() {
    shared = true;
  }

  synchronized boolean isWritable() {
    return !shared && users == 0 && !closed;
  }

  synchronized void close() {
    closed = true;
    if (users == 0) clean();
  }

  private void clean() {
    if (cleanable != null) cleanable.clean();
  }
}
