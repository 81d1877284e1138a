package dev.gamelan.pytorch;

import dev.gamelan.engine.DeepStack;
import dev.gamelan.engine.EngineException;

/** A loaded archive. Deleted when it is closed and no run uses it any more. */
final class Module implements AutoCloseable {
  /** PyTorch observes one run, optimises in the next one, and is done. */
  private static final int COMPILING_RUNS = 3;

  private final long handle;
  private final String methods;
  private final Object compiling = new Object();
  private volatile int runs;
  private int users = 1;
  private boolean closed;

  private Module(long handle, String methods) {
    this.handle = handle;
    this.methods = methods;
  }

  /**
   * @param methods source of {@code forward}, indented by two
   */
  static Module of(String methods) {
    return new Module(PyTorchBindings.loadModule(TorchScriptArchive.of(methods)), methods);
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

  /** One after the other: each may compile. */
  private long[] compilingRun(long[] arguments) {
    synchronized (compiling) {
      if (runs < COMPILING_RUNS) {
        var tensors = DeepStack.call(methods, () -> PyTorchBindings.run(handle, arguments));
        runs++;
        return tensors;
      }
    }
    return PyTorchBindings.run(handle, arguments);
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
