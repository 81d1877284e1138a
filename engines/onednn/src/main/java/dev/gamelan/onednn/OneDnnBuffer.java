package dev.gamelan.onednn;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A block of the pool. It goes back when it is closed and the last run that uses it is done. A
 * small buffer lies on the JVM's heap, and a run works on a copy: that takes less time than it
 * takes the JVM to find out that a block is no longer needed.
 */
final class OneDnnBuffer implements Buffer {
  private static final long SMALL = 1024;
  private static final int OWNER_AND_RUN = 2;

  private final TensorType type;
  private final Device device;
  private final BlockPool pool;

  /** Null where it lies on the heap. */
  private final BlockPool.@Nullable Block block;

  private final MemorySegment memory;
  private @Nullable Packs packs;
  private int users = 1;
  private boolean closed;

  static OneDnnBuffer of(TensorType type, Device device, BlockPool pool) {
    if (!isSmall(type.bytes()))
      return new OneDnnBuffer(type, device, pool, pool.take(type.bytes()));
    var longs = new long[(int) Math.ceilDiv(type.bytes(), Long.BYTES)];
    return new OneDnnBuffer(type, device, pool, null, MemorySegment.ofArray(longs));
  }

  private OneDnnBuffer(TensorType type, Device device, BlockPool pool, BlockPool.Block block) {
    this(type, device, pool, block, block.memory());
  }

  private OneDnnBuffer(
      TensorType type,
      Device device,
      BlockPool pool,
      BlockPool.@Nullable Block block,
      MemorySegment memory) {
    this.type = type;
    this.device = device;
    this.pool = pool;
    this.block = block;
    this.memory = memory;
  }

  /** Whether a buffer of so many bytes lies on the heap. */
  static boolean isSmall(long bytes) {
    return bytes <= SMALL;
  }

  /**
   * A buffer in this one's place, which is closed; empty if anyone but the caller's run uses it, or
   * if it is small.
   */
  synchronized Optional<OneDnnBuffer> takeOver(TensorType by) {
    if (block == null || closed || users != OWNER_AND_RUN) return Optional.empty();
    closed = true;
    users++; // The block is another's now: it never goes back from here.
    if (packs != null) packs.clear();
    return Optional.of(new OneDnnBuffer(by, device, pool, block));
  }

  /** Its bytes, and perhaps some more, while it is acquired. */
  MemorySegment memory() {
    return memory;
  }

  /** Keeps the memory until {@link #release}. */
  synchronized void acquire() {
    if (closed) throw new EngineException("buffer %s is closed".formatted(type));
    users++;
  }

  synchronized void release() {
    if (--users > 0) return;
    if (packs != null) packs.clear();
    if (block != null) pool.give(block);
  }

  @Override
  public boolean needsClosing() {
    return block != null;
  }

  /** What was packed from it. */
  synchronized Packs packs() {
    var known = packs;
    if (known != null) return known;
    var made = new Packs(type, device, pool);
    if (block == null) pool.cleaner().register(this, made::clear); // Nobody has to close this one.
    packs = made;
    return made;
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
      if (packs != null) packs.clear();
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
  public Buffer copy() {
    var copy = of(type, device, pool);
    copyTo(copy);
    return copy;
  }

  void copyTo(OneDnnBuffer other) {
    read(other.memory);
  }

  @Override
  public synchronized Optional<MemorySegment> host() {
    return closed ? Optional.empty() : Optional.of(memory.asSlice(0, type.bytes()));
  }

  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    release();
  }
}
