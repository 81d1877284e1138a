package dev.gamelan.pytorch;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A contiguous tensor; one of a storage dtype is a vector of its bytes. */
final class PyTorchBuffer implements Buffer {
  private static final int OWNER_AND_RUN = 2;

  private final TensorType type;
  private final Device device;
  private final long tensor;

  /** The same tensor as an argument, once it was one; else 0. */
  private long value;

  /** On the CPU, once it was asked for. */
  private @Nullable MemorySegment memory;

  private int users = 1;
  private boolean closed;

  /**
   * @param tensor is this buffer's from now on
   */
  PyTorchBuffer(TensorType type, Device device, long tensor) {
    this.type = type;
    this.device = device;
    this.tensor = tensor;
  }

  /** Of unspecified contents. */
  static PyTorchBuffer tensor(TensorType type, Device device) {
    var shape = type.dtype().isStorage() ? new long[] {type.bytes()} : type.shape().dims();
    var name = Devices.torchName(device);
    return new PyTorchBuffer(type, device, Tensors.empty(shape, type.dtype(), name));
  }

  /** The argument of a run, while it is acquired. */
  synchronized long value() {
    if (value == 0) value = PyTorchBindings.value(tensor);
    return value;
  }

  /** Keeps the tensor until {@link #release}. */
  synchronized void acquire() {
    if (closed) throw new EngineException("buffer %s is closed".formatted(type));
    users++;
  }

  synchronized void release() {
    if (--users > 0) return;
    if (value != 0) PyTorchBindings.deleteValue(value);
    PyTorchBindings.deleteTensor(tensor);
    memory = null;
  }

  /** Closes it for the run that acquired it to overwrite; false if anyone else uses it. */
  synchronized boolean takeOver() {
    if (closed || users != OWNER_AND_RUN) return false;
    close();
    return true;
  }

  /** Another tensor in the same memory, which is the caller's. */
  long share() {
    acquire();
    try {
      return Tensors.alias(tensor);
    } finally {
      release();
    }
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
      if (Devices.isHost(device)) {
        MemorySegment.copy(from, 0, memory(), 0, type.bytes());
      } else {
        try (var staging = tensor(type, Devices.HOST)) {
          staging.write(from);
          Tensors.copy(tensor, staging.tensor);
        }
      }
    } finally {
      release();
    }
  }

  @Override
  public void read(MemorySegment to) {
    acquire();
    try {
      if (Devices.isHost(device)) {
        MemorySegment.copy(memory(), 0, to, 0, type.bytes());
      } else {
        try (var copy = new PyTorchBuffer(type, Devices.HOST, Tensors.toHost(tensor))) {
          copy.read(to);
        }
      }
    } finally {
      release();
    }
  }

  @Override
  public PyTorchBuffer copy() {
    acquire();
    try {
      return new PyTorchBuffer(type, device, PyTorchBindings.copy(tensor));
    } finally {
      release();
    }
  }

  @Override
  public synchronized Optional<MemorySegment> host() {
    return closed || !Devices.isHost(device) ? Optional.empty() : Optional.of(memory());
  }

  private synchronized MemorySegment memory() {
    var known = memory;
    if (known != null) return known;
    var found = find();
    memory = found;
    return found;
  }

  @SuppressWarnings("restricted")
  private MemorySegment find() {
    long bytes = type.bytes();
    if (bytes == 0) return MemorySegment.NULL;
    if (bytes <= Integer.MAX_VALUE) return sized(tensor, bytes);
    // A larger one than a ByteBuffer can be begins where a view of its first element does.
    long first = Tensors.first(tensor);
    try {
      long width = type.dtype().isStorage() ? DType.U8.bytes(1) : type.dtype().bytes(1);
      return sized(first, width).reinterpret(bytes);
    } finally {
      PyTorchBindings.deleteTensor(first);
    }
  }

  /** What a graph gave back must be as large as its type says, or it would be read past its end. */
  private MemorySegment sized(long of, long bytes) {
    var segment = MemorySegment.ofBuffer(PyTorchBindings.memory(of));
    if (segment.byteSize() != bytes) {
      throw new EngineException(
          "a tensor %s has %d bytes, not %d".formatted(type, segment.byteSize(), bytes));
    }
    return segment;
  }

  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    release();
  }
}
