package dev.gamelan.data;

import dev.gamelan.io.HostArray;
import dev.gamelan.tensor.Bucketing;
import dev.gamelan.type.Scalar;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Makes a batch of examples. */
@FunctionalInterface
public interface Collator<T> {
  /**
   * @param examples at least one
   */
  Batch collate(List<? extends T> examples);

  /** Stacks each column, whose arrays have one type. */
  static Collator<Example> stack() {
    return padded(Map.of(), new Bucketing(List.of()));
  }

  /**
   * Pads some columns at the end of their first axis to the longest of the batch, and appends a
   * column with the lengths before that, i32[batch], of the first padded one; stacks the others.
   *
   * @param padding what to pad with, by column
   */
  static Collator<Example> padded(Map<Integer, Double> padding) {
    return padded(padding, new Bucketing(List.of()));
  }

  /**
   * As {@link #padded(Map)}, to the smallest of {@code sizes} that holds the longest, so that
   * batches have few shapes and a compiled step is compiled few times.
   */
  static Collator<Example> padded(Map<Integer, Double> padding, Bucketing sizes) {
    var values = Map.copyOf(padding);
    return examples -> {
      var columns = new ArrayList<HostArray>();
      int count = examples.getFirst().columns().size();
      int lengthsOf = values.keySet().stream().mapToInt(Integer::intValue).min().orElse(-1);
      for (int column = 0; column < count; column++) {
        int at = column;
        var parts = examples.stream().map(example -> example.columns().get(at)).toList();
        var value = values.get(column);
        columns.add(HostArray.stack(value == null ? parts : pad(parts, value, sizes)));
      }
      if (lengthsOf >= 0) {
        columns.add(
            HostArray.of(
                examples.stream()
                    .mapToLong(example -> example.columns().get(lengthsOf).type().dim(0))
                    .mapToInt(Math::toIntExact)
                    .toArray()));
      }
      return new Batch(columns.stream().map(HostArray::toTensor).toList());
    };
  }

  private static List<HostArray> pad(List<HostArray> parts, double value, Bucketing sizes) {
    long longest = parts.stream().mapToLong(part -> part.type().dim(0)).max().orElse(0);
    long size = sizes.sizes().isEmpty() ? longest : sizes.size(longest);
    return parts.stream().map(part -> pad(part, value, size)).toList();
  }

  private static HostArray pad(HostArray part, double value, long size) {
    var type = part.type().with(part.shape().with(0, size));
    int width = type.dtype().bits() / 8;
    if (width == 0) {
      throw new IllegalArgumentException(
          "pad: %s has elements of less than a byte; convert it first".formatted(part.type()));
    }
    var bytes = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytes())]);
    MemorySegment.copy(part.bytes(), 0, bytes, 0, part.bytes().byteSize());
    long bits = Scalar.of(type.dtype(), value).bits();
    for (long at = part.bytes().byteSize(); bits != 0 && at < bytes.byteSize(); at += width) {
      for (int i = 0; i < width; i++) {
        bytes.set(ValueLayout.JAVA_BYTE, at + i, (byte) (bits >>> (8 * i)));
      }
    }
    return new HostArray(type, bytes);
  }
}
