package dev.gamelan.benchmarks;

import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Tensor;
import java.util.function.UnaryOperator;

/** A compiled function of one tensor to one. */
final class GamelanInference implements Contender {
  private final UnaryOperator<Tensor> function;
  private final Input input;

  GamelanInference(UnaryOperator<Tensor> function, Input input) {
    this.function = CompiledFunction.ofUnary(function);
    this.input = input;
  }

  @Override
  public float[] result() {
    return function.apply(input.tensor()).toFloatArray();
  }

  @Override
  public void call() {
    result();
  }

  @Override
  public void close() {}
}
