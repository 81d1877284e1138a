package dev.gamelan.mxnet;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.UseCount;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** An array that is a user's, or a run's. */
final class MxNetBuffer implements Buffer {
  private final Device device;
  private final Array array;
  private final UseCount uses;

  /**
   * @param array is this buffer's from now on
   */
  MxNetBuffer(Array array, Device device) {
    this.device = device;
    this.array = array;
    this.uses = new UseCount("buffer " + array.type(), array::free);
  }

  /** The argument of a run, while it is acquired. */
  Array array() {
    return array;
  }

  /** Keeps the array until {@link #release}. */
  void acquire() {
    uses.acquire();
  }

  void release() {
    uses.release();
  }

  @Override
  public TensorType type() {
    return array.type();
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public void write(MemorySegment from) {
    acquire();
    try {
      MemorySegment.copy(from, 0, array.write(), 0, type().bytes());
    } finally {
      release();
    }
  }

  @Override
  public void read(MemorySegment to) {
    acquire();
    try {
      MemorySegment.copy(array.read(), 0, to, 0, type().bytes());
    } finally {
      release();
    }
  }

  @Override
  public MxNetBuffer copy() {
    acquire();
    try {
      return new MxNetBuffer(array.copy(), device);
    } finally {
      release();
    }
  }

  @Override
  public Optional<MemorySegment> host() {
    return uses.isClosed() ? Optional.empty() : Optional.of(array.write());
  }

  @Override
  public void close() {
    uses.close();
  }
}
