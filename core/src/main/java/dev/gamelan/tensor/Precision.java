package dev.gamelan.tensor;

import dev.gamelan.type.DType;
import java.util.function.Supplier;

/**
 * In what contractions of f32 (matrix products, convolutions, their gradients) read their operands.
 * It counts where they are evaluated: in a call of a {@link CompiledFunction}, in a step of a
 * trainer, or where a lazy tensor is read.
 */
public enum Precision {
  /** As it is written; the default. */
  F32(DType.F32),

  /**
   * Rounded to bf16, and summed in f32: parameters and their updates stay f32. About twice as fast,
   * and half the memory to read for weights, where the device has instructions for it; right
   * everywhere.
   */
  BF16(DType.BF16);

  private final DType dtype;

  Precision(DType dtype) {
    this.dtype = dtype;
  }

  DType dtype() {
    return dtype;
  }

  public static Precision current() {
    return Context.current().precision();
  }

  /** Runs {@code body} in this precision. */
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
