package dev.gamelan.onednn;

import dev.gamelan.onednn.code.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Native memory that is used again: blocks in size classes four to a power of two, so that a run in
 * steady state calls no allocator. What lies idle beyond a limit is freed, all of it under
 * pressure.
 */
final class BlockPool {
  private static final int LEAST_POWER = 6;
  private static final long LEAST = 1L << LEAST_POWER;
  private static final int CLASSES = 4 * (63 - LEAST_POWER);

  /** A block, to be given back. Its size is that of its class. */
  record Block(MemorySegment memory, int sizeClass) {
    long bytes() {
      return memory.byteSize();
    }
  }

  /** Idle blocks by size class, each a stack under its own lock. */
  private final List<ArrayDeque<Block>> idle = new ArrayList<>();

  private final AtomicLong idleBytes = new AtomicLong();
  private final long idleLimit;

  BlockPool(long idleLimit) {
    this.idleLimit = idleLimit;
    for (int i = 0; i < CLASSES; i++) idle.add(new ArrayDeque<>());
  }

  /** A block of at least {@code bytes}, of unspecified contents. */
  Block take(long bytes) {
    int sizeClass = sizeClass(bytes);
    long size = bytesOf(sizeClass);
    var blocks = idle.get(sizeClass);
    Block block;
    synchronized (blocks) {
      block = blocks.pollFirst();
    }
    if (block == null) return new Block(NativeMemory.allocate(size), sizeClass);
    idleBytes.addAndGet(-size);
    return block;
  }

  void give(Block block) {
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
