package dev.gamelan.pytorch;

import dev.gamelan.engine.EngineException;

/** A loaded archive. Deleted when it is closed and no run uses it any more. */
final class Module implements AutoCloseable {
  private final long handle;
  private int users = 1;
  private boolean closed;

  private Module(long handle) {
    this.handle = handle;
  }

  /**
   * @param methods source of {@code forward}, indented by two
   */
  static Module of(String methods) {
    return new Module(PyTorchBindings.loadModule(TorchScriptArchive.of(methods)));
  }

  /** Calls {@code forward} with values that stay the caller's; the tensors become the caller's. */
  long[] run(long... arguments) {
    acquire();
    try {
      return PyTorchBindings.run(handle, arguments);
    } finally {
      release();
    }
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
