package dev.gamelan.engine;

/**
 * Keeps something native while anyone uses it: it is freed once its owner has closed it and the
 * last use has ended.
 */
public final class UseCount {
  private final String what;
  private final Runnable free;
  private int users = 1;
  private boolean closed;

  /**
   * @param what is used, for the error
   * @param free called once, by the last to let go
   */
  public UseCount(String what, Runnable free) {
    this.what = what;
    this.free = free;
  }

  /** Begins a use, which {@link #release} ends. */
  public synchronized void acquire() {
    if (closed) throw new EngineException(what + " is closed");
    users++;
  }

  /** Ends a use. */
  public synchronized void release() {
    if (--users == 0) free.run();
  }

  /** The owner's; twice does nothing. */
  public synchronized void close() {
    if (closed) return;
    closed = true;
    release();
  }

  public synchronized boolean isClosed() {
    return closed;
  }
}
