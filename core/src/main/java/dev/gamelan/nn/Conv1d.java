package dev.gamelan.nn;

import dev.gamelan.type.Shape;

/** A {@link Convolution} of [N, in, L]. */
public final class Conv1d extends Convolution {
  public Conv1d(long in, long out, long kernel, Options options) {
    super(in, out, Shape.of(kernel), options);
  }
}
