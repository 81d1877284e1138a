package dev.gamelan.onednn.code;

import java.lang.foreign.MemorySegment;

/**
 * Memory of the C library, of unspecified contents and aligned to a cache line; what is large is
 * aligned to large pages and asks for them, which saves most of the page faults of its first use.
 * Whoever allocates frees.
 */
public final class NativeMemory {
  private static final long CACHE_LINE = 64;
  private static final long LARGE_PAGE = 1L << 21;

  private NativeMemory() {}

  /**
   * @throws OutOfMemoryError where the system gives none
   */
  @SuppressWarnings("restricted") // The size is the one that was asked for.
  public static MemorySegment allocate(long bytes) {
    boolean large = bytes >= 2 * LARGE_PAGE;
    long alignment = large ? LARGE_PAGE : CACHE_LINE;
    long size = Math.ceilDiv(bytes, alignment) * alignment;
    long address = LibcBindings.allocate(alignment, size);
    if (address == 0) throw new OutOfMemoryError("the system gives no %d bytes".formatted(bytes));
    if (large) LibcBindings.adviseLargePages(address, size);
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  public static void free(MemorySegment memory) {
    LibcBindings.free(memory.address());
  }
}
