package dev.gamelan.onednn;

import dev.gamelan.onednn.code.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Native memory that is used again: blocks in size classes four to a power of two, so that a run in
 * steady state calls no allocator. A large block that does not lie idle when it is asked for says
 * that work of another kind has begun: then the blocks that lie idle longest are freed until they
 * are no more than an eighth of what is in use. What lies idle beyond a limit is freed at once, all
 * of it under pressure.
 */
final class BlockPool {
  private static final int LEAST_POWER = 6;
  private static final long LEAST = 1L << LEAST_POWER;
  private static final int CLASSES = 4 * (63 - LEAST_POWER);

  /** From which a block is worth the time to look for old ones: 1 MiB. */
  private static final int LARGE = 4 * (20 - LEAST_POWER);

  /** What may always lie idle. */
  private static final long SPARE = 32L << 20;

  /** A block, to be given back. Its size is that of its class. */
  static final class Block {
    private final MemorySegment memory;
    private final int sizeClass;
    private long idleSince;

    private Block(MemorySegment memory, int sizeClass) {
      this.memory = memory;
      this.sizeClass = sizeClass;
    }

    MemorySegment memory() {
      return memory;
    }

    long bytes() {
      return memory.byteSize();
    }

    private boolean isLarge() {
      return sizeClass >= LARGE;
    }
  }

  /** Idle blocks by size class, each a stack under its own lock. */
  private final List<ArrayDeque<Block>> idle = new ArrayList<>();

  private final AtomicLong idleBytes = new AtomicLong();

  /** Of large blocks. */
  private final AtomicLong usedBytes = new AtomicLong();

  private final long idleLimit;
  private final Cleaner cleaner = Cleaner.create();

  BlockPool(long idleLimit) {
    this.idleLimit = idleLimit;
    for (int i = 0; i < CLASSES; i++) idle.add(new ArrayDeque<>());
  }

  /** A block of at least {@code bytes}, of unspecified contents. */
  Block take(long bytes) {
    int sizeClass = sizeClass(bytes);
    var block = takeIdle(sizeClass);
    if (block == null) {
      if (sizeClass >= LARGE) freeOldest();
      block = new Block(NativeMemory.allocate(bytesOf(sizeClass)), sizeClass);
    }
    if (block.isLarge()) usedBytes.addAndGet(block.bytes());
    return block;
  }

  private @Nullable Block takeIdle(int sizeClass) {
    var blocks = idle.get(sizeClass);
    Block block;
    synchronized (blocks) {
      block = blocks.pollFirst();
    }
    if (block != null) idleBytes.addAndGet(-block.bytes());
    return block;
  }

  void give(Block block) {
    if (block.isLarge()) {
      usedBytes.addAndGet(-block.bytes());
      block.idleSince = System.nanoTime();
    }
    if (idleBytes.addAndGet(block.bytes()) > idleLimit) {
      idleBytes.addAndGet(-block.bytes());
      NativeMemory.free(block.memory());
      return;
    }
    var blocks = idle.get(block.sizeClass);
    synchronized (blocks) {
      blocks.addFirst(block);
    }
  }

  private void freeOldest() {
    long most = Math.max(SPARE, usedBytes.get() / 8);
    while (idleBytes.get() > most) {
      int oldest = -1;
      long since = 0;
      for (int i = LARGE; i < CLASSES; i++) {
        var blocks = idle.get(i);
        synchronized (blocks) {
          var last = blocks.peekLast();
          if (last != null && (oldest < 0 || last.idleSince - since < 0)) {
            oldest = i;
            since = last.idleSince;
          }
        }
      }
      if (oldest < 0) return;
      var blocks = idle.get(oldest);
      Block block;
      synchronized (blocks) {
        block = blocks.pollLast();
      }
      if (block == null) continue; // Another thread took it.
      idleBytes.addAndGet(-block.bytes());
      NativeMemory.free(block.memory());
    }
  }

  /** Gives blocks back of what is unreachable. */
  Cleaner cleaner() {
    return cleaner;
  }

  /** Frees what is idle. */
  void trim() {
    for (var blocks : idle) {
      synchronized (blocks) {
        for (var block : blocks) {
          idleBytes.addAndGet(-block.bytes());
          NativeMemory.free(block.memory());
        }
        blocks.clear();
      }
    }
  }

  long idleBytes() {
    return idleBytes.get();
  }

  /** The least class whose blocks have so many bytes: four to a power of two. */
  static int sizeClass(long bytes) {
    if (bytes <= LEAST) return 0;
    int power = 63 - Long.numberOfLeadingZeros(bytes - 1); // 2^power < bytes ≤ 2^(power + 1)
    long quarter = 1L << (power - 2);
    int quarters = (int) ((bytes - (1L << power) + quarter - 1) / quarter);
    return 4 * (power - LEAST_POWER) + quarters;
  }

  static long bytesOf(int sizeClass) {
    long least = LEAST << (sizeClass / 4);
    return least + sizeClass % 4 * (least / 4);
  }
}
