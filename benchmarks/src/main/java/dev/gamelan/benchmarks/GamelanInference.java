package dev.gamelan.benchmarks;

import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Tensor;
import java.util.function.UnaryOperator;

/** A compiled function of one tensor to one. */
final class GamelanInference implements Contender {
  private final UnaryOperator<Tensor> function;
  private final Input input;
  private final Precision precision;

  GamelanInference(UnaryOperator<Tensor> function, Input input, Precision precision) {
    this.function = CompiledFunction.ofUnary(function);
    this.input = input;
    this.precision = precision;
  }

  @Override
  public float[] result() {
    return precision.call(() -> function.apply(input.tensor())).toFloatArray();
  }

  @Override
  public void call() {
    result();
  }

  @Override
  public void close() {}
}
