package dev.gamelan.nn;

import dev.gamelan.type.Shape;

/** A {@link TransposedConvolution} of [N, in, H, W]. */
public final class ConvTranspose2d extends TransposedConvolution {
  public ConvTranspose2d(long in, long out, long kernel, Options options) {
    super(in, out, Shape.of(kernel, kernel), options);
  }
}
