package dev.gamelan.onednn;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A block of the pool. It goes back when it is closed and the last run that uses it is done. */
final class OneDnnBuffer implements Buffer {
  private final TensorType type;
  private final Device device;
  private final BlockPool pool;
  private final BlockPool.Block block;
  private @Nullable Packs packs;
  private int users = 1;
  private boolean closed;

  OneDnnBuffer(TensorType type, Device device, BlockPool pool) {
    this.type = type;
    this.device = device;
    this.pool = pool;
    this.block = pool.take(type.bytes());
  }

  /** Where it lies, while it is acquired. */
  long address() {
    return block.memory().address();
  }

  /** Keeps the memory until {@link #release}. */
  synchronized long acquire() {
    if (closed) throw new EngineException("buffer %s is closed".formatted(type));
    users++;
    return block.memory().address();
  }

  synchronized void release() {
    if (--users > 0) return;
    if (packs != null) packs.clear();
    pool.give(block);
  }

  /** What was packed from it. */
  synchronized Packs packs() {
    if (packs == null) packs = new Packs(this, pool);
    return packs;
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
      MemorySegment.copy(from, 0, block.memory(), 0, type.bytes());
      if (packs != null) packs.clear();
    } finally {
      release();
    }
  }

  @Override
  public void read(MemorySegment to) {
    acquire();
    try {
      MemorySegment.copy(block.memory(), 0, to, 0, type.bytes());
    } finally {
      release();
    }
  }

  @Override
  public Buffer copy() {
    var copy = new OneDnnBuffer(type, device, pool);
    read(copy.block.memory());
    return copy;
  }

  @Override
  public synchronized Optional<MemorySegment> host() {
    return closed ? Optional.empty() : Optional.of(block.memory().asSlice(0, type.bytes()));
  }

  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    release();
  }
}
