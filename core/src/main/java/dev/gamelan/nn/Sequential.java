package dev.gamelan.nn;

import dev.gamelan.tensor.Tensor;
import java.util.List;

/** Layers one after the other, named 0, 1, … */
public final class Sequential extends UnaryLayer {
  private final List<UnaryLayer> layers;

  public Sequential(UnaryLayer... layers) {
    this.layers = List.of(layers);
    for (int i = 0; i < layers.length; i++) register(Integer.toString(i), layers[i]);
  }

  @Override
  public Tensor forward(Tensor x) {
    var y = x;
    for (var layer : layers) y = layer.forward(y);
    return y;
  }
}
