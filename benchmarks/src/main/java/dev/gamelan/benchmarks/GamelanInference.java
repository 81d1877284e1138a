package dev.gamelan.benchmarks;

import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Scope;
import dev.gamelan.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A compiled function of one tensor to one; a call reads the result into memory that is there. */
final class GamelanInference implements Contender {
  private final UnaryOperator<Tensor> function;
  private final Input input;
  private final Precision precision;
  private final boolean resident;
  private final Tensor first;
  private @Nullable MemorySegment output;

  /**
   * @param resident whether the input stays on the device and the output is not read
   */
  GamelanInference(
      UnaryOperator<Tensor> function, Input input, Precision precision, boolean resident) {
    this.function = CompiledFunction.ofUnary(function);
    this.input = input;
    this.precision = precision;
    this.resident = resident;
    this.first = input.tensor();
  }

  private Tensor apply(Tensor x) {
    return precision == Precision.F32 ? function.apply(x) : precision.call(() -> function.apply(x));
  }

  @Override
  public float[] result() {
    return apply(first).toFloatArray();
  }

  /** In a scope, so that what a call has computed goes with it. */
  @Override
  public void call() {
    Scope.run(
        () -> {
          if (resident) apply(first);
          else read(apply(input.tensor()));
          return true; // Not the result, which would outlive the scope.
        });
  }

  private void read(Tensor result) {
    var to = output;
    if (to == null) to = output = Arena.ofAuto().allocate(result.type().bytes(), Float.BYTES);
    result.read(to);
  }

  @Override
  public void close() {}
}
