package dev.gamelan.onednn;

import dev.gamelan.engine.EngineException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The threads of the process's one budget: the caller and workers that park between runs. One run
 * has the team at a time, so that concurrent callers never have more threads running than there are
 * cores.
 */
final class Team implements AutoCloseable {
  /**
   * How long a worker looks out for the next job before it parks: a run's worth of serial steps.
   */
  private static final long SPIN_NANOS = 50_000;

  private final int threads;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Worker> workers = new ArrayList<>();
  private final AtomicInteger generation = new AtomicInteger();
  private volatile boolean closed;
  private volatile @Nullable IntConsumer job;

  Team(int threads) {
    this.threads = threads;
  }

  int threads() {
    return threads;
  }

  /**
   * Runs {@code body} in the caller as thread 0, and in those workers that come in time; returns
   * when the caller's is done. So the body must not need the others, and has to do nothing in one
   * that comes late.
   */
  void run(IntConsumer body) {
    lock.lock();
    lead(body);
  }

  /** As {@link #run}, if no other run has the team. */
  boolean tryRun(IntConsumer body) {
    if (!lock.tryLock()) return false;
    lead(body);
    return true;
  }

  /** With the lock, which it gives back. */
  private void lead(IntConsumer body) {
    try {
      if (closed) throw new EngineException("the engine is closed");
      if (workers.isEmpty()) start();
      job = body;
      generation.incrementAndGet();
      for (var worker : workers) if (worker.parked) LockSupport.unpark(worker.thread);
      body.accept(0);
    } finally {
      job = null;
      lock.unlock();
    }
  }

  private void start() {
    for (int number = 1; number < threads; number++) {
      var worker = new Worker(number);
      workers.add(worker);
      worker.thread.start();
    }
  }

  /** Ends the workers; for an engine that is not used any more. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      for (var worker : workers) LockSupport.unpark(worker.thread);
      workers.clear();
    } finally {
      lock.unlock();
    }
  }

  private final class Worker implements Runnable {
    private final int number;
    private final Thread thread;
    private volatile boolean parked;

    Worker(int number) {
      this.number = number;
      this.thread = Thread.ofPlatform().daemon().name("gamelan-" + number).unstarted(this);
    }

    @Override
    public void run() {
      int seen = 0;
      while (true) {
        seen = waitBeyond(seen);
        if (closed) return;
        var current = job;
        if (current != null) current.accept(number);
      }
    }

    /** The number of the latest job, which is another than {@code seen}. */
    private int waitBeyond(int seen) {
      long start = System.nanoTime();
      while (generation.get() == seen && !closed) {
        if (System.nanoTime() - start < SPIN_NANOS) {
          Thread.onSpinWait();
          continue;
        }
        parked = true;
        if (generation.get() == seen && !closed) LockSupport.park(this);
        parked = false;
      }
      return generation.get();
    }
  }
}
