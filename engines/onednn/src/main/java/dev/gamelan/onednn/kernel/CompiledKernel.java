package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.code.NativeCode;
import java.util.Optional;

/** A kernel in executable memory. */
public final class CompiledKernel {
  private final Kernel kernel;
  private final NativeCode code;

  private CompiledKernel(Kernel kernel, NativeCode code) {
    this.kernel = kernel;
    this.code = code;
  }

  /** Empty where the system gives no executable memory. */
  public static Optional<CompiledKernel> of(Kernel kernel, Isa isa) {
    return NativeCode.place(LoopNest.emit(kernel, isa))
        .map(code -> new CompiledKernel(kernel, code));
  }

  public Kernel kernel() {
    return kernel;
  }

  /**
   * Runs it on the arguments at {@code address}. The caller answers for the addresses and strides
   * in there, and for outer sizes of at least 1.
   */
  public void run(long address) {
    code.call(address);
  }
}
