package dev.gamelan.onednn;

import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One walk of a team through the steps of a run. Each thread takes its own part of a step and goes
 * on when all parts are done; a part whose thread does not come is taken by one that waits. So a
 * thread that the system holds back delays the others by no more than the part that it is in.
 */
final class Walk implements IntConsumer {
  /** How often a waiting thread looks before it takes the parts of others: some microseconds. */
  private static final int LOOKS_BEFORE_TAKING = 256;

  private static final int LOOKS_BEFORE_PARKING = 4096;

  private static final long PARKED_NANOS = 20_000;

  private final List<Step> steps;
  private final Run run;

  /** For each step where its parts begin in {@link #taken}. */
  private final int[] first;

  private final AtomicIntegerArray taken;
  private final AtomicIntegerArray done;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  /**
   * @param first see {@link #firsts}
   */
  Walk(List<Step> steps, Run run, int[] first) {
    this.steps = steps;
    this.run = run;
    this.first = first;
    this.taken = new AtomicIntegerArray(first[steps.size()]);
    this.done = new AtomicIntegerArray(steps.size());
  }

  /** The running sums of the steps' parts. */
  static int[] firsts(List<Step> steps) {
    var first = new int[steps.size() + 1];
    for (int i = 0; i < steps.size(); i++) first[i + 1] = first[i] + steps.get(i).parts();
    return first;
  }

  @Override
  public void accept(int thread) {
    for (int i = 0; i < steps.size(); i++) {
      int parts = first[i + 1] - first[i];
      if (thread < parts) take(i, thread);
      for (int looks = 1; done.get(i) < parts; looks++) {
        if (looks == LOOKS_BEFORE_TAKING) {
          for (int part = 0; part < parts; part++) take(i, part);
        } else {
          pause(looks);
        }
      }
    }
  }

  /**
   * Of a thread that has looked so often: after a while it leaves its core, perhaps to the very
   * thread that it waits for.
   */
  static void pause(int looks) {
    if (looks < LOOKS_BEFORE_PARKING) Thread.onSpinWait();
    else LockSupport.parkNanos(PARKED_NANOS);
  }

  private void take(int step, int part) {
    int flag = first[step] + part;
    if (taken.get(flag) != 0 || !taken.compareAndSet(flag, 0, 1)) return;
    try {
      if (failure.get() == null) steps.get(step).run(run, part);
    } catch (Throwable e) { // Whatever it is, the others wait for this part.
      failure.compareAndSet(null, e);
    } finally {
      done.incrementAndGet(step);
    }
  }

  /** Throws what a step threw. */
  void check() {
    switch (failure.get()) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new AssertionError(e); // Steps declare none.
    }
  }
}
