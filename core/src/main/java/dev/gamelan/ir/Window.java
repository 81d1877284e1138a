package dev.gamelan.ir;

import java.util.Collections;
import java.util.List;
import java.util.stream.LongStream;

/**
 * How a window moves over the spatial axes: one entry for each. Padding is of zeros for
 * convolutions and of nothing for pools, and may be negative (cropping).
 */
public record Window(List<Long> strides, List<Long> low, List<Long> high, List<Long> dilation) {
  public Window {
    strides = List.copyOf(strides);
    low = List.copyOf(low);
    high = List.copyOf(high);
    dilation = List.copyOf(dilation);
    int rank = strides.size();
    if (low.size() != rank || high.size() != rank || dilation.size() != rank) {
      throw new IllegalArgumentException(
          "strides, padding and dilation need one entry for each spatial axis; got %s, %s, %s, %s"
              .formatted(strides, low, high, dilation));
    }
    if (LongStream.concat(
            strides.stream().mapToLong(Long::longValue),
            dilation.stream().mapToLong(Long::longValue))
        .anyMatch(step -> step < 1)) {
      throw new IllegalArgumentException(
          "strides and dilation must be at least 1; got %s and %s".formatted(strides, dilation));
    }
  }

  /** The same on every one of {@code rank} axes. */
  public static Window uniform(int rank, long stride, long padding) {
    return new Window(
        Collections.nCopies(rank, stride),
        Collections.nCopies(rank, padding),
        Collections.nCopies(rank, padding),
        Collections.nCopies(rank, 1L));
  }

  public int rank() {
    return strides.size();
  }

  /** The number of positions of a window of size {@code window} over {@code size} elements. */
  public long outputSize(int axis, long size, long window) {
    long padded = size + low.get(axis) + high.get(axis);
    long extent = (window - 1) * dilation.get(axis) + 1;
    return padded < extent ? 0 : (padded - extent) / strides.get(axis) + 1;
  }

  /**
   * Whether the window sees an element wherever it is on an axis of {@code size}, not padding
   * alone, with so many places on that axis. Libraries are wrong where it does not.
   */
  public boolean alwaysSees(int axis, long size, long places) {
    long positions = outputSize(axis, size, places);
    long step = dilation.get(axis);
    for (long position = 0; position < positions; position++) {
      long first = position * strides.get(axis) - low.get(axis);
      // The first place that is not before the elements.
      long place = first >= 0 ? 0 : Math.ceilDiv(-first, step);
      if (place >= places || first + place * step >= size) return false;
    }
    return true;
  }
}
