package dev.gamelan.nn;

import dev.gamelan.type.Shape;

/** A {@link TransposedConvolution} of [N, in, L]. */
public final class ConvTranspose1d extends TransposedConvolution {
  public ConvTranspose1d(long in, long out, long kernel, Options options) {
    super(in, out, Shape.of(kernel), options);
  }
}
