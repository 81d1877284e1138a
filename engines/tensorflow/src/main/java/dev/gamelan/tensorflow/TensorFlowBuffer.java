package dev.gamelan.tensorflow;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.UseCount;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A TF_Tensor; one of a storage dtype is a vector of its bytes. */
final class TensorFlowBuffer implements Buffer {
  private final TensorType type;
  private final Device device;
  private final MemorySegment tensor;
  private final MemorySegment memory;
  private final UseCount uses;

  /**
   * @param tensor is this buffer's from now on
   */
  TensorFlowBuffer(TensorType type, Device device, MemorySegment tensor) {
    this.type = type;
    this.device = device;
    this.tensor = tensor;
    this.memory = TensorFlowBindings.memory(tensor);
    this.uses = new UseCount("buffer " + type, () -> TensorFlowBindings.deleteTensor(tensor));
    if (memory.byteSize() != type.bytes()) {
      TensorFlowBindings.deleteTensor(tensor);
      throw new EngineException(
          "a tensor %s has %d bytes, not %d".formatted(type, memory.byteSize(), type.bytes()));
    }
  }

  static TensorFlowBuffer allocate(TensorType type, Device device) {
    var shape = type.dtype().isStorage() ? new long[] {type.bytes()} : type.shape().dims();
    var tensor = TensorFlowBindings.allocate(DataTypes.number(type.dtype()), shape, type.bytes());
    return new TensorFlowBuffer(type, device, tensor);
  }

  /** The argument of a run, while it is acquired. */
  MemorySegment tensor() {
    return tensor;
  }

  /** Where its elements lie. */
  long address() {
    return memory.address();
  }

  /** Keeps the tensor until {@link #release}. */
  void acquire() {
    uses.acquire();
  }

  void release() {
    uses.release();
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
    acquire();
    try {
      MemorySegment.copy(from, 0, memory, 0, type.bytes());
    } finally {
      release();
    }
  }

  @Override
  public void read(MemorySegment to) {
    acquire();
    try {
      MemorySegment.copy(memory, 0, to, 0, type.bytes());
    } finally {
      release();
    }
  }

  @Override
  public TensorFlowBuffer copy() {
    var copy = allocate(type, device);
    read(copy.memory);
    return copy;
  }

  @Override
  public Optional<MemorySegment> host() {
    return uses.isClosed() ? Optional.empty() : Optional.of(memory);
  }

  @Override
  public void close() {
    uses.close();
  }
}
