package dev.gamelan.nn;

import dev.gamelan.type.Shape;

/** A {@link Convolution} of [N, in, D, H, W]. */
public final class Conv3d extends Convolution {
  public Conv3d(long in, long out, long kernel, Options options) {
    super(in, out, Shape.of(kernel, kernel, kernel), options);
  }
}
