package dev.gamelan.onednn;

import dev.gamelan.engine.EngineException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;

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

  private static final int SPINS = 4096;
  private static final long PAUSE_NANOS = 10_000;

  private final int threads;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Worker> workers = new ArrayList<>();
  private final AtomicInteger arrived = new AtomicInteger();
  private volatile int phase;
  private final AtomicInteger generation = new AtomicInteger();
  private volatile boolean closed;
  private volatile IntConsumer job = part -> {};

  Team(int threads) {
    this.threads = threads;
  }

  int threads() {
    return threads;
  }

  /** Runs {@code body} for each part at the same time, and returns when all are done. */
  void run(IntConsumer body) {
    lock.lock();
    try {
      if (closed) throw new EngineException("the engine is closed");
      if (workers.isEmpty()) start();
      job = body;
      generation.incrementAndGet();
      for (var worker : workers) if (worker.parked) LockSupport.unpark(worker.thread);
      body.accept(0);
      await();
    } finally {
      lock.unlock();
    }
  }

  private void start() {
    for (int part = 1; part < threads; part++) {
      var worker = new Worker(part);
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

  /** Called by each part; returns when all have. */
  void await() {
    int mine = phase;
    if (arrived.incrementAndGet() == threads) {
      arrived.set(0);
      phase = mine + 1;
      return;
    }
    for (int i = 0; phase == mine; i++) {
      if (i < SPINS) Thread.onSpinWait();
      else LockSupport.parkNanos(PAUSE_NANOS); // Someone else needs the core.
    }
  }

  private final class Worker implements Runnable {
    private final int part;
    private final Thread thread;
    private volatile boolean parked;

    Worker(int part) {
      this.part = part;
      this.thread = Thread.ofPlatform().daemon().name("gamelan-" + part).unstarted(this);
    }

    @Override
    public void run() {
      int done = 0;
      while (true) {
        waitFor(done);
        if (closed) return;
        done++;
        job.accept(part);
        await();
      }
    }

    private void waitFor(int done) {
      long start = System.nanoTime();
      while (generation.get() == done && !closed) {
        if (System.nanoTime() - start < SPIN_NANOS) {
          Thread.onSpinWait();
          continue;
        }
        parked = true;
        if (generation.get() == done && !closed) LockSupport.park(this);
        parked = false;
      }
    }
  }
}
