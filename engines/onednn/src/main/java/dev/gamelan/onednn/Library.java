package dev.gamelan.onednn;

import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.dnnl.Dnnl;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * oneDNN, where it can be had. It is loaded in a thread of its own, which takes a tenth of a
 * second: meanwhile a program is traced.
 */
final class Library {
  private record Loaded(Optional<Dnnl> dnnl, String description) {}

  /** Libraries may start deeply. */
  private static final long STACK_BYTES = 16 << 20;

  private final FutureTask<Loaded> loading;

  private Library(FutureTask<Loaded> loading) {
    this.loading = loading;
  }

  /** Begins to load it, with nothing beyond {@code cap}. */
  static Library load(Isa cap) {
    var task = new FutureTask<>(() -> loaded(cap));
    var thread = new Thread(null, task, "gamelan-library", STACK_BYTES);
    thread.setDaemon(true);
    thread.start();
    return new Library(task);
  }

  static Library none() {
    var task = new FutureTask<>(() -> new Loaded(Optional.empty(), "oneDNN turned off"));
    task.run();
    return new Library(task);
  }

  private static Loaded loaded(Isa cap) {
    try {
      return new Loaded(Optional.of(Dnnl.load(cap)), "oneDNN " + Dnnl.version());
    } catch (IOException | LinkageError e) { // What does not load must not end a program.
      var why = "without oneDNN: " + e.getMessage();
      System.getLogger(OneDnnEngine.class.getName()).log(System.Logger.Level.WARNING, why);
      return new Loaded(Optional.empty(), why);
    }
  }

  /** The library, once it is there; empty where it cannot be had. */
  Optional<Dnnl> dnnl() {
    return await().dnnl;
  }

  /** Its version, or why it is not there. */
  String description() {
    return await().description;
  }

  private Loaded await() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return loading.get();
        } catch (InterruptedException e) {
          interrupted = true; // It will be there in a moment.
        }
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } finally {
      if (interrupted) Thread.currentThread().interrupt();
    }
  }
}
