package dev.gamelan.nn;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.Shape;
import java.util.Arrays;

/**
 * Pools [N, C, spatial…] to spatial axes of given sizes, whatever they were. Element i of an axis
 * of L that becomes n covers ⌊i·L/n⌋ to ⌈(i+1)·L/n⌉, exclusive, as in PyTorch.
 */
public final class AdaptivePool extends UnaryLayer {
  private enum Kind {
    MAX,
    AVERAGE
  }

  private final Kind kind;
  private final Shape sizes;

  private AdaptivePool(Kind kind, long[] sizes) {
    this.kind = kind;
    this.sizes = Shape.of(sizes);
  }

  public static AdaptivePool max(long... sizes) {
    return new AdaptivePool(Kind.MAX, sizes);
  }

  public static AdaptivePool average(long... sizes) {
    return new AdaptivePool(Kind.AVERAGE, sizes);
  }

  @Override
  public Tensor forward(Tensor x) {
    if (x.rank() != sizes.rank() + 2) {
      throw new IllegalArgumentException(
          "adaptive pool: needs [N, C, spatial…] with %d spatial axes; got %s"
              .formatted(sizes.rank(), x.type()));
    }
    // Windows are boxes, so the axes can be pooled one after the other.
    var y = x;
    for (int i = 0; i < sizes.rank(); i++) y = poolAxis(y, i + 2, sizes.dim(i));
    return y;
  }

  /** Gathers the windows as an axis of their own; short ones repeat their last element. */
  private Tensor poolAxis(Tensor x, int axis, long size) {
    long length = x.dim(axis);
    if (length == size) return x;
    long widest = 0;
    for (long i = 0; i < size; i++) {
      widest = Math.max(widest, end(i, length, size) - start(i, length, size));
    }
    int width = Math.toIntExact(widest);
    int count = Math.toIntExact(size);
    var indices = new int[count * width];
    var weights = new float[count * width];
    for (int i = 0; i < count; i++) {
      long start = start(i, length, size);
      long end = end(i, length, size);
      for (int j = 0; j < width; j++) {
        indices[i * width + j] = Math.toIntExact(Math.min(start + j, end - 1));
        weights[i * width + j] = start + j < end ? 1f / (end - start) : 0;
      }
    }
    var windows = x.gather(axis, Tensor.of(indices).reshape(count, width));
    return switch (kind) {
      case MAX -> windows.max(axis + 1);
      case AVERAGE -> {
        var along = new long[x.rank() - axis + 1];
        Arrays.fill(along, 1);
        along[0] = count;
        along[1] = width;
        yield windows.mul(Tensor.of(weights).convert(x.dtype()).reshape(along)).sum(axis + 1);
      }
    };
  }

  private static long start(long i, long length, long size) {
    return i * length / size;
  }

  private static long end(long i, long length, long size) {
    return Math.ceilDiv((i + 1) * length, size);
  }
}
