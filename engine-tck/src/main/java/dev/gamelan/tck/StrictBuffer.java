package dev.gamelan.tck;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Off-heap memory that a run may still be filling: reads wait, and give the run's failure. */
final class StrictBuffer implements Buffer {
  private final TensorType type;
  private final Device device;
  private final MemorySegment memory;
  private final CompletableFuture<?> ready;
  private CompletableFuture<?> readers = CompletableFuture.completedFuture(true);
  private volatile boolean closed;

  StrictBuffer(TensorType type, Device device, MemorySegment memory, CompletableFuture<?> ready) {
    this.type = type;
    this.device = device;
    this.memory = memory;
    this.ready = ready;
  }

  static StrictBuffer allocate(TensorType type, Device device) {
    return new StrictBuffer(type, device, memory(type), CompletableFuture.completedFuture(true));
  }

  static MemorySegment memory(TensorType type) {
    return Arena.ofAuto().allocate(Math.max(type.bytes(), 1), 64).fill((byte) 0xA5);
  }

  /** The memory for a run that begins when the buffer is ready. */
  MemorySegment memoryForRun() {
    requireOpen();
    return memory;
  }

  CompletableFuture<?> ready() {
    return ready;
  }

  /** A run that reads the buffer; one that overwrites it waits for {@link #readers}. */
  synchronized void addReader(CompletableFuture<?> run) {
    readers = CompletableFuture.allOf(readers, run.exceptionally(failure -> null));
  }

  synchronized CompletableFuture<?> readers() {
    return readers;
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
    await();
    MemorySegment.copy(from, 0, memory, 0, type.bytes());
  }

  @Override
  public void read(MemorySegment to) {
    await();
    MemorySegment.copy(memory, 0, to, 0, type.bytes());
  }

  @Override
  public Buffer copy() {
    await();
    var copy = allocate(type, device);
    MemorySegment.copy(memory, 0, copy.memory, 0, type.bytes());
    return copy;
  }

  @Override
  public Optional<MemorySegment> host() {
    await();
    return Optional.of(memory.asReadOnly());
  }

  @Override
  public void close() {
    closed = true;
  }

  private void await() {
    requireOpen();
    try {
      ready.join();
    } catch (CompletionException e) {
      throw new EngineException(
          "the run that computes %s failed: %s".formatted(type, e.getCause()), e);
    }
  }

  private void requireOpen() {
    if (closed) throw new EngineException("buffer %s is closed".formatted(type));
  }
}
