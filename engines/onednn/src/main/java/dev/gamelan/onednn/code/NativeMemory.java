package dev.gamelan.onednn.code;

import java.lang.foreign.MemorySegment;

/**
 * Memory of unspecified contents, aligned to a cache line. What is large is mapped by itself, so
 * that freeing gives it back to the system, and asks for large pages, which saves most of the page
 * faults of its first use. Whoever allocates frees.
 */
public final class NativeMemory {
  private static final long CACHE_LINE = 64;
  private static final long PAGE = 1L << 12;
  private static final long LARGE_PAGE = 1L << 21;

  private NativeMemory() {}

  /**
   * @throws OutOfMemoryError where the system gives none
   */
  @SuppressWarnings("restricted") // The size is the one that was asked for.
  public static MemorySegment allocate(long bytes) {
    long address =
        isLarge(bytes)
            ? map(roundUp(bytes, PAGE))
            : LibcBindings.allocate(CACHE_LINE, roundUp(bytes, CACHE_LINE));
    if (address == 0) throw new OutOfMemoryError("the system gives no %d bytes".formatted(bytes));
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /** Begins at a large page; what was mapped around it for that goes back. */
  private static long map(long bytes) {
    long mapped = bytes + LARGE_PAGE;
    long start =
        LibcBindings.mmap(
            mapped, LibcBindings.READ | LibcBindings.WRITE, LibcBindings.PRIVATE_ANONYMOUS, -1);
    if (start == -1) return 0;
    long address = roundUp(start, LARGE_PAGE);
    long end = address + bytes;
    if (address > start) LibcBindings.munmap(start, address - start);
    if (end < start + mapped) LibcBindings.munmap(end, start + mapped - end);
    LibcBindings.adviseLargePages(address, bytes);
    return address;
  }

  /**
   * @param memory what {@link #allocate} gave, whole
   */
  public static void free(MemorySegment memory) {
    long bytes = memory.byteSize();
    if (isLarge(bytes)) LibcBindings.munmap(memory.address(), roundUp(bytes, PAGE));
    else LibcBindings.free(memory.address());
  }

  private static boolean isLarge(long bytes) {
    return bytes >= LARGE_PAGE;
  }

  private static long roundUp(long bytes, long unit) {
    return Math.ceilDiv(bytes, unit) * unit;
  }
}
