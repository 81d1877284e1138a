package dev.gamelan.tensor;

import dev.gamelan.type.TensorType;

/** What gradients can be taken with respect to. */
public sealed interface Variable permits Tensor, Parameter {
  TensorType type();

  /** The value now. */
  Tensor value();
}
