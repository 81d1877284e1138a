package dev.gamelan.tensor;

import java.util.function.Supplier;

/**
 * Whether layers such as dropout and batch norm behave as in training; inference is the default.
 */
public enum Mode {
  INFERENCE,
  TRAINING;

  public static Mode current() {
    return Context.current().mode();
  }

  /** Runs {@code body} in this mode. */
  public <T> T call(Supplier<T> body) {
    return Context.current().with(this).call(body);
  }

  public void run(Runnable body) {
    call(
        () -> {
          body.run();
          return true;
        });
  }
}
