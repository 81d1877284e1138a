package dev.gamelan.engine.reference;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An array on the heap, which is never written once it is filled. */
final class ReferenceBuffer implements Buffer {
  private final TensorType type;
  private final Device device;
  private volatile @Nullable Array array;

  ReferenceBuffer(Array array, Device device) {
    this.type = array.type();
    this.device = device;
    this.array = array;
  }

  Array array() {
    var open = array;
    if (open == null) throw new EngineException("buffer %s is closed".formatted(type));
    return open;
  }

  @Override
  public TensorType type() {
    return type;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public void write(MemorySegment from) {
    array();
    var filled = Array.zeros(type);
    filled.read(from.asSlice(0, type.bytes()));
    array = filled;
  }

  @Override
  public void read(MemorySegment to) {
    array().write(to.asSlice(0, type.bytes()));
  }

  @Override
  public Buffer copy() {
    return new ReferenceBuffer(array(), device);
  }

  @Override
  public Optional<MemorySegment> host() {
    return Optional.empty();
  }

  @Override
  public void close() {
    array = null;
  }
}
