package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.MemoryBudget;
import java.lang.ref.Cleaner;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** What the tensors of a device share. */
final class DeviceState {
  private static final int RECLAIM_ROUNDS = 20;
  private static final long RECLAIM_PAUSE_MILLIS = 10;

  private final Cleaner cleaner = Cleaner.create();
  private final MemoryBudget budget;
  private final ExecutableCache cache;

  /**
   * Held while state is bound to a run, and by a step that updates state from its start to its
   * commit, so that no reader sees half a step.
   */
  private final ReentrantLock stateLock = new ReentrantLock();

  /** What each thread assigned and did not evaluate yet. Guarded by this. */
  private final Map<Thread, Set<Parameter>> pending = new WeakHashMap<>();

  /** Recordings of gradients that have not been differentiated yet. Guarded by this. */
  private final Set<Recording> recordings = new LinkedHashSet<>();

  private final AtomicLong sequence = new AtomicLong();
  private final AtomicBoolean depthHinted = new AtomicBoolean();

  private DeviceState(Device device) {
    this.budget = Engines.budget(device);
    this.cache = new ExecutableCache(device);
    budget.onPressure(this::reclaim);
    budget.onGrowth(this::collect);
  }

  static DeviceState of(Device device) {
    return Engines.attachment(device, DeviceState.class, () -> new DeviceState(device));
  }

  Cleaner cleaner() {
    return cleaner;
  }

  MemoryBudget budget() {
    return budget;
  }

  ExecutableCache cache() {
    return cache;
  }

  ReentrantLock stateLock() {
    return stateLock;
  }

  synchronized void openRecording(Recording recording) {
    recordings.add(recording);
  }

  synchronized void closeRecording(Recording recording) {
    recordings.remove(recording);
  }

  /** Under this lock: the open recordings with a variable among {@code leaves}, or behind one. */
  Set<Recording> recordingsBehind(List<LazyValue> leaves) {
    if (recordings.isEmpty()) return Set.of();
    var behind = new LinkedHashSet<Recording>();
    for (var leaf : leaves) {
      behind.addAll(leaf.node().madeFrom);
      for (var recording : recordings) if (recording.isVariable(leaf)) behind.add(recording);
    }
    behind.retainAll(recordings);
    return Set.copyOf(behind);
  }

  long nextSequence() {
    return sequence.incrementAndGet();
  }

  long lastSequence() {
    return sequence.get();
  }

  /** True once: hints are given once. */
  boolean hintsAtDepth() {
    return depthHinted.compareAndSet(false, true);
  }

  synchronized List<Parameter> pendingOf(Thread thread) {
    return List.copyOf(pending.getOrDefault(thread, Set.of()));
  }

  synchronized void addPending(Thread thread, Parameter parameter) {
    pending.computeIfAbsent(thread, t -> new LinkedHashSet<>()).add(parameter);
  }

  synchronized void removePending(Thread thread, Parameter parameter) {
    var ofThread = pending.get(thread);
    if (ofThread != null) ofThread.remove(parameter);
  }

  /** Lets go of most buffers that nothing reaches any more, without waiting for all of them. */
  private void collect() {
    var cleaned = new CountDownLatch(1);
    cleaner.register(new Object(), cleaned::countDown);
    System.gc();
    try {
      cleaned.await(RECLAIM_PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets go of the buffers that nothing reaches any more. */
  private void reclaim() {
    long before = budget.used();
    System.gc();
    for (int i = 0; i < RECLAIM_ROUNDS; i++) {
      try {
        Thread.sleep(RECLAIM_PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
      long now = budget.used();
      if (now < before && now == budget.used() && i > 1) return;
      before = Math.max(before, now);
    }
  }
}
