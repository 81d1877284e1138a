package dev.gamelan.nn;

import dev.gamelan.type.Shape;

/** A {@link Convolution} of [N, in, H, W]. */
public final class Conv2d extends Convolution {
  public Conv2d(long in, long out, long kernel, Options options) {
    super(in, out, Shape.of(kernel, kernel), options);
  }
}
