package dev.gamelan.engine;

import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The elements of a tensor on a device: row-major, little-endian, elements of less than 8 bits
 * packed with the low bits first. Closing it twice does nothing; using it closed is an error.
 */
public interface Buffer extends AutoCloseable {
  TensorType type();

  Device device();

  /** Copies {@code type().bytes()} bytes in, from native memory or an array. */
  void write(MemorySegment from);

  /**
   * Copies {@code type().bytes()} bytes out, to native memory or an array, after what the buffer
   * depends on.
   */
  void read(MemorySegment to);

  /** A copy on the device: how a shared buffer is kept from donation. */
  Buffer copy();

  /** A view where the memory is the host's; valid until the buffer is closed. */
  Optional<MemorySegment> host();

  /**
   * Whether someone has to close it. Small ones may lie on the JVM's heap, where its collector
   * frees them as any object, and they count towards no budget.
   */
  default boolean needsClosing() {
    return true;
  }

  @Override
  void close();
}
