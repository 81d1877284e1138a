package dev.gamelan.nn;

import dev.gamelan.tensor.Tensor;
import java.util.function.UnaryOperator;

/** A layer from one tensor to one: what {@link Sequential} is made of. */
public abstract class UnaryLayer extends Layer {
  public abstract Tensor forward(Tensor x);

  /** A function without parameters as a layer: {@code UnaryLayer.of(Tensor::relu)}. */
  public static UnaryLayer of(UnaryOperator<Tensor> function) {
    return new UnaryLayer() {
      @Override
      public Tensor forward(Tensor x) {
        return function.apply(x);
      }
    };
  }
}
