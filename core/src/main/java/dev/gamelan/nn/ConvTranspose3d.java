package dev.gamelan.nn;

import dev.gamelan.type.Shape;

/** A {@link TransposedConvolution} of [N, in, D, H, W]. */
public final class ConvTranspose3d extends TransposedConvolution {
  public ConvTranspose3d(long in, long out, long kernel, Options options) {
    super(in, out, Shape.of(kernel, kernel, kernel), options);
  }
}
