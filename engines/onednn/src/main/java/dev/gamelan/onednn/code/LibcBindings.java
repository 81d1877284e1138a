package dev.gamelan.onednn.code;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The C library's memory mappings. */
@SuppressWarnings("restricted") // It is what this class is for.
final class LibcBindings {
  static final int READ = 1;
  static final int WRITE = 2;
  static final int EXECUTE = 4;
  static final int SHARED = 1;
  static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int LARGE_PAGES = 14;
  private static final int CLOSED_IN_CHILDREN = 1;

  private static final CFunction MMAP = bind("mmap");
  private static final CFunction MPROTECT = bind("mprotect");
  private static final CFunction MUNMAP = bind("munmap");
  private static final CFunction MADVISE = bind("madvise");
  private static final CFunction ALIGNED_ALLOC = bind("aligned_alloc");
  private static final CFunction FREE = bind("free");

  private LibcBindings() {}

  private static CFunction bind(String name) {
    return CFunction.of(Linker.nativeLinker().defaultLookup(), name);
  }

  /** -1 where it fails. */
  static long mmap(long bytes, int protection, int flags, int file) {
    return MMAP.call(0, bytes, protection, flags, file, 0);
  }

  static boolean mprotect(long address, long bytes, int protection) {
    return (int) MPROTECT.call(address, bytes, protection) == 0;
  }

  static void munmap(long address, long bytes) {
    MUNMAP.call(address, bytes);
  }

  /** What a system without large pages refuses is no failure. */
  static void adviseLargePages(long address, long bytes) {
    MADVISE.call(address, bytes, LARGE_PAGES);
  }

  /** 0 where it fails. */
  static long allocate(long alignment, long bytes) {
    return ALIGNED_ALLOC.call(alignment, bytes);
  }

  static void free(long address) {
    FREE.call(address);
  }

  /** A file in memory that can be mapped twice, or -1. */
  static int memoryFile(long bytes) {
    try (var arena = Arena.ofConfined()) {
      var name = arena.allocateFrom("gamelan");
      int file = (int) bind("memfd_create").call(name.address(), CLOSED_IN_CHILDREN);
      if (file >= 0 && (int) bind("ftruncate").call(file, bytes) != 0) {
        close(file);
        return -1;
      }
      return file;
    }
  }

  static void close(int file) {
    bind("close").call(file);
  }

  static void copy(byte[] code, long address) {
    var target = MemorySegment.ofAddress(address).reinterpret(code.length);
    MemorySegment.copy(code, 0, target, ValueLayout.JAVA_BYTE, 0, code.length);
  }
}
