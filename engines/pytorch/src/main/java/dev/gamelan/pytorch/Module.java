package dev.gamelan.pytorch;

import dev.gamelan.engine.DeepStack;
import dev.gamelan.engine.UseCount;

/** A loaded archive. */
final class Module implements AutoCloseable {
  /** PyTorch observes one run, optimises in the next one, and is done. */
  private static final int COMPILING_RUNS = 3;

  private final long handle;
  private final String methods;
  private final Object compiling = new Object();
  private volatile int runs;
  private final UseCount uses;

  private Module(long handle, String methods) {
    this.handle = handle;
    this.methods = methods;
    this.uses = new UseCount("the executable", () -> PyTorchBindings.deleteModule(handle));
  }

  /**
   * @param methods source of {@code forward}, indented by two
   */
  static Module of(String methods) {
    return new Module(PyTorchBindings.loadModule(TorchScriptArchive.of(methods)), methods);
  }

  /** Calls {@code forward} with values that stay the caller's; the tensors become the caller's. */
  long[] run(long... arguments) {
    uses.acquire();
    try {
      return runs < COMPILING_RUNS
          ? compilingRun(arguments)
          : PyTorchBindings.run(handle, arguments);
    } finally {
      uses.release();
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

  @Override
  public void close() {
    uses.close();
  }
}
