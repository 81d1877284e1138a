package dev.gamelan.pytorch;

import dev.gamelan.engine.EngineException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** A loaded archive. Deleted when it is closed and no run uses it any more. */
final class Module implements AutoCloseable {
  /** PyTorch observes one run, optimises in the next one, and is done. */
  private static final int COMPILING_RUNS = 3;

  private static final long STACK_BYTES = 16 << 20;

  /** PyTorch's passes descend a frame for each statement that depends on one before. */
  private static final long STACK_BYTES_OF_A_CHARACTER = 64;

  private final long handle;
  private final long stackBytes;
  private final Object compiling = new Object();
  private volatile int runs;
  private int users = 1;
  private boolean closed;

  private Module(long handle, long stackBytes) {
    this.handle = handle;
    this.stackBytes = stackBytes;
  }

  /**
   * @param methods source of {@code forward}, indented by two
   */
  static Module of(String methods) {
    return new Module(
        PyTorchBindings.loadModule(TorchScriptArchive.of(methods)),
        STACK_BYTES + STACK_BYTES_OF_A_CHARACTER * methods.length());
  }

  /** Calls {@code forward} with values that stay the caller's; the tensors become the caller's. */
  long[] run(long... arguments) {
    acquire();
    try {
      return runs < COMPILING_RUNS
          ? compilingRun(arguments)
          : PyTorchBindings.run(handle, arguments);
    } finally {
      release();
    }
  }

  /** One after the other, and on a stack that is deep enough: to run out of it ends the process. */
  private long[] compilingRun(long[] arguments) {
    synchronized (compiling) {
      if (runs < COMPILING_RUNS) {
        var tensors = onDeepStack(new FutureTask<>(() -> PyTorchBindings.run(handle, arguments)));
        runs++;
        return tensors;
      }
    }
    return PyTorchBindings.run(handle, arguments);
  }

  private long[] onDeepStack(FutureTask<long[]> run) {
    var thread = new Thread(null, run, "gamelan-pytorch", stackBytes);
    thread.start();
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true; // The arguments are in use until it is done.
      }
    }
    if (interrupted) Thread.currentThread().interrupt();
    if (run.state() == Future.State.SUCCESS) return run.resultNow();
    var failure = run.exceptionNow();
    throw failure instanceof EngineException
        ? new EngineException(String.valueOf(failure.getMessage()), failure)
        : new IllegalStateException(failure);
  }

  private synchronized void acquire() {
    if (closed) throw new EngineException("the executable is closed");
    users++;
  }

  private synchronized void release() {
    if (--users == 0) PyTorchBindings.deleteModule(handle);
  }

  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    release();
  }
}
