package dev.gamelan.tensor;

import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * Pads an axis to one of a few sizes, so that inputs of many lengths share a few executables.
 *
 * @param sizes to pad to, ascending
 */
public record Bucketing(List<Long> sizes) {
  /**
   * A padded tensor.
   *
   * @param value with zeros at the end of the axis
   * @param mask bool[size of the axis]: true where {@code value} is not padding
   */
  public record Padded(Tensor value, Tensor mask) {}

  public Bucketing {
    sizes = List.copyOf(sizes);
    for (int i = 1; i < sizes.size(); i++) {
      if (sizes.get(i - 1) >= sizes.get(i)) {
        throw new IllegalArgumentException("bucketing: needs ascending sizes; got " + sizes);
      }
    }
  }

  /** The powers of two from {@code smallest} to at least {@code largest}. */
  public static Bucketing powersOfTwo(long smallest, long largest) {
    var sizes = new ArrayList<Long>();
    long size = Math.max(smallest, 1);
    while (size < largest) {
      sizes.add(size);
      size *= 2;
    }
    sizes.add(size);
    return new Bucketing(sizes);
  }

  /** The smallest size that holds {@code length}. */
  public long size(long length) {
    return sizes.stream()
        .filter(candidate -> candidate >= length)
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "bucketing: a length of %d is more than every size of %s; add a larger one, or cut it"
                        .formatted(length, sizes)));
  }

  /** {@code x} padded along {@code axis} to the smallest size that holds it. */
  public Padded pad(Tensor x, int axis) {
    long length = x.dim(axis);
    long size = size(length);
    // Padding is a small graph for each length; what comes after sees the padded size only.
    var value = x.pad(axis, 0, size - length).evaluate();
    var mask = Tensors.range(DType.I32, size).lt(length).evaluate();
    return new Padded(value, mask);
  }
}
