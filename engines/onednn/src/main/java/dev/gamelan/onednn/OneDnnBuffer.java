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
  private static final int OWNER_AND_RUN = 2;

  private final TensorType type;
  private final Device device;
  private final BlockPool pool;
  private final BlockPool.Block block;
  private @Nullable Packs packs;
  private int users = 1;
  private boolean closed;

  OneDnnBuffer(TensorType type, Device device, BlockPool pool) {
    this(type, device, pool, pool.take(type.bytes()));
  }

  private OneDnnBuffer(TensorType type, Device device, BlockPool pool, BlockPool.Block block) {
    this.type = type;
    this.device = device;
    this.pool = pool;
    this.block = block;
  }

  /**
   * A buffer in this one's place, which is closed; empty if anyone but the caller's run uses it.
   */
  synchronized Optional<OneDnnBuffer> takeOver(TensorType by) {
    if (closed || users != OWNER_AND_RUN) return Optional.empty();
    closed = true;
    users++; // The block is another's now: it never goes back from here.
    if (packs != null) packs.clear();
    return Optional.of(new OneDnnBuffer(by, device, pool, block));
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
    copyTo(copy);
    return copy;
  }

  void copyTo(OneDnnBuffer other) {
    read(other.block.memory());
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
