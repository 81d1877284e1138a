package dev.gamelan.exchange;

import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;

/**
 * Elements in row-major order, in the machine's byte order.
 *
 * @param bytes as many as {@code type} has
 */
public record HostTensor(TensorType type, MemorySegment bytes) {
  /**
   * @throws IllegalArgumentException if there are more bytes or fewer
   */
  public HostTensor {
    if (bytes.byteSize() != type.bytes()) {
      throw new IllegalArgumentException(
          "%s has %d bytes; got %d".formatted(type, type.bytes(), bytes.byteSize()));
    }
  }

  /** Of zeros; its memory is the garbage collector's, and may be read as any dtype. */
  public static HostTensor allocate(TensorType type) {
    var words = new long[Math.toIntExact(Math.ceilDiv(type.bytes(), Long.BYTES))];
    return new HostTensor(type, MemorySegment.ofArray(words).asSlice(0, type.bytes()));
  }
}
