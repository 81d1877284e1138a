package dev.gamelan.benchmarks;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * How long a cache line takes from one core to another: of cores that share a cache a third of what
 * it takes otherwise. Which of them a virtual machine has may change while it runs, and with it
 * what a program of many short steps takes.
 */
final class Handover {
  private static final int TIMES = 4_000;

  /** The first are slower: the code is not compiled yet. */
  private static final int REPEATS = 10;

  /** A thread that waits so long may be in the other's way. */
  private static final int LOOKS_BEFORE_PARKING = 100_000;

  private static final long PARKED_NANOS = 20_000;

  private Handover() {}

  /** Nanoseconds one way, between this thread and another. */
  static double nanos() {
    double best = Double.MAX_VALUE;
    for (int i = 0; i < REPEATS; i++) best = Math.min(best, once());
    return best;
  }

  private static double once() {
    var turn = new AtomicInteger(1);
    var other = Thread.ofPlatform().daemon().start(() -> play(turn, 0));
    turn.set(0);
    await(turn, 1); // The other is there.
    long start = System.nanoTime();
    play(turn, 1);
    double nanos = (System.nanoTime() - start) / (double) TIMES;
    try {
      other.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
    return nanos;
  }

  /** Passes the turn on each time that it comes. */
  private static void play(AtomicInteger turn, int first) {
    for (int i = first; i < TIMES; i += 2) {
      await(turn, i);
      turn.set(i + 1);
    }
  }

  private static void await(AtomicInteger turn, int expected) {
    for (int looks = 1; turn.get() != expected; looks++) {
      if (looks % LOOKS_BEFORE_PARKING == 0) LockSupport.parkNanos(PARKED_NANOS);
    }
  }
}
