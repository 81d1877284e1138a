package dev.gamelan.pytorch;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A few elements on the JVM's heap, of which a run gets a copy ({@link Staging}): a tensor for each
 * would be made and freed by calls that take longer than the copies, and freed whenever the JVM
 * finds out that it is no longer needed.
 */
final class SmallBuffer implements Buffer {
  private static final long MOST_BYTES = 1024;

  private final TensorType type;
  private final MemorySegment memory;
  private volatile boolean closed;

  /** Of zeros. */
  SmallBuffer(TensorType type) {
    this.type = type;
    var longs = new long[(int) Math.ceilDiv(type.bytes(), Long.BYTES)];
    this.memory = MemorySegment.ofArray(longs).asSlice(0, type.bytes());
  }

  /** Whether a buffer of this type is one of these. */
  static boolean isSmall(TensorType type, Device device) {
    return type.bytes() <= MOST_BYTES && Devices.isHost(device);
  }

  /** A copy of the tensor's elements, which are as many bytes as the type's. */
  static SmallBuffer of(TensorType type, PyTorchBuffer tensor) {
    var buffer = new SmallBuffer(type);
    tensor.read(buffer.memory);
    return buffer;
  }

  @Override
  public TensorType type() {
    return type;
  }

  @Override
  public Device device() {
    return Devices.HOST;
  }

  @Override
  public void write(MemorySegment from) {
    MemorySegment.copy(from, 0, open(), 0, type.bytes());
  }

  @Override
  public void read(MemorySegment to) {
    MemorySegment.copy(open(), 0, to, 0, type.bytes());
  }

  /** Its elements. */
  MemorySegment open() {
    if (closed) throw new EngineException("buffer %s is closed".formatted(type));
    return memory;
  }

  @Override
  public SmallBuffer copy() {
    var copy = new SmallBuffer(type);
    read(copy.memory);
    return copy;
  }

  @Override
  public Optional<MemorySegment> host() {
    return closed ? Optional.empty() : Optional.of(memory);
  }

  @Override
  public boolean needsClosing() {
    return false;
  }

  @Override
  public void close() {
    closed = true;
  }
}
