package dev.gamelan.onednn;

import dev.gamelan.onednn.code.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Native memory that is used again: blocks in size classes four to a power of two, so that a run in
 * steady state calls no allocator. What lies idle beyond a limit is freed, all of it under
 * pressure.
 */
final class BlockPool {
  private static final long LEAST = 64;

  /** A block, to be given back. Its size is that of its class. */
  record Block(MemorySegment memory) {
    long bytes() {
      return memory.byteSize();
    }
  }

  private final Map<Long, ConcurrentLinkedDeque<Block>> idle = new ConcurrentHashMap<>();
  private final AtomicLong idleBytes = new AtomicLong();
  private final long idleLimit;

  BlockPool(long idleLimit) {
    this.idleLimit = idleLimit;
  }

  /** A block of at least {@code bytes}, of unspecified contents. */
  Block take(long bytes) {
    long size = sizeClass(bytes);
    var blocks = idle.get(size);
    var block = blocks == null ? null : blocks.pollFirst();
    if (block != null) {
      idleBytes.addAndGet(-size);
      return block;
    }
    return new Block(NativeMemory.allocate(size));
  }

  void give(Block block) {
    if (idleBytes.addAndGet(block.bytes()) > idleLimit) {
      idleBytes.addAndGet(-block.bytes());
      NativeMemory.free(block.memory());
      return;
    }
    idle.computeIfAbsent(block.bytes(), size -> new ConcurrentLinkedDeque<>()).addFirst(block);
  }

  /** Frees what is idle. */
  void trim() {
    for (var blocks : idle.values()) {
      for (var block = blocks.pollFirst(); block != null; block = blocks.pollFirst()) {
        idleBytes.addAndGet(-block.bytes());
        NativeMemory.free(block.memory());
      }
    }
  }

  static long sizeClass(long bytes) {
    long least = Math.max(bytes, LEAST);
    long quarter = Math.max(Long.highestOneBit(least) / 4, LEAST);
    return Math.ceilDiv(least, quarter) * quarter;
  }
}
