package dev.gamelan.engine;

import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * Calls what descends a frame for each op of a graph, as compilers do, on a stack that is deep
 * enough: native code that runs out of it ends the process.
 */
public final class DeepStack {
  private static final long LEAST_BYTES = 16 << 20;
  private static final long BYTES_OF_A_CHARACTER = 64;

  private DeepStack() {}

  /** What {@code call} gives, or its exception. */
  public static <T> T call(Supplier<T> call) {
    return call("", call);
  }

  /**
   * What {@code call} gives, or its exception.
   *
   * @param program the text that is compiled
   */
  public static <T> T call(String program, Supplier<T> call) {
    var task = new FutureTask<T>(call::get);
    long bytes = LEAST_BYTES + BYTES_OF_A_CHARACTER * program.length();
    var thread = new Thread(null, task, "gamelan-compiler", bytes);
    thread.start();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // What it uses stays in use until it is done.
      }
    }
    if (interrupted) Thread.currentThread().interrupt();
    if (task.state() == Future.State.SUCCESS) return task.resultNow();
    var failure = task.exceptionNow();
    if (failure instanceof Error error) throw error;
    throw failure instanceof EngineException
        ? new EngineException(String.valueOf(failure.getMessage()), failure)
        : new IllegalStateException(failure);
  }
}
