package dev.gamelan.onednn.code;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The C library's memory mappings, and the call into code of our own. The handles are constants
 * because only then does the JVM compile a call to a call.
 */
@SuppressWarnings("restricted") // It is what this class is for.
final class LibcBindings {
  static final int READ = 1;
  static final int WRITE = 2;
  static final int EXECUTE = 4;
  static final int SHARED = 1;
  static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int LARGE_PAGES = 14;

  private static final Linker LINKER = Linker.nativeLinker();

  private static final MethodHandle MMAP =
      bind(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MPROTECT =
      bind("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MUNMAP =
      bind("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

  private static final MethodHandle MADVISE =
      bind("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle ALIGNED_ALLOC =
      bind("aligned_alloc", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle FREE = bind("free", FunctionDescriptor.ofVoid(JAVA_LONG));

  /** {@code void f(long)} at an address. */
  private static final MethodHandle CALL =
      LINKER.downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG));

  private LibcBindings() {}

  private static MethodHandle bind(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type);
  }

  /** -1 where it fails. */
  static long mmap(long bytes, int protection, int flags, int file) {
    try {
      return (long) MMAP.invokeExact(0L, bytes, protection, flags, file, 0L);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static boolean mprotect(long address, long bytes, int protection) {
    try {
      return (int) MPROTECT.invokeExact(address, bytes, protection) == 0;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void munmap(long address, long bytes) {
    try {
      int _ = (int) MUNMAP.invokeExact(address, bytes);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** What a system without large pages refuses is no failure. */
  static void adviseLargePages(long address, long bytes) {
    try {
      int _ = (int) MADVISE.invokeExact(address, bytes, LARGE_PAGES);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** 0 where it fails. */
  static long allocate(long alignment, long bytes) {
    try {
      return (long) ALIGNED_ALLOC.invokeExact(alignment, bytes);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void free(long address) {
    try {
      FREE.invokeExact(address);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** A file in memory that can be mapped twice, or -1. */
  static int memoryFile(long bytes) {
    try (var arena = Arena.ofConfined()) {
      var create = bind("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
      int file = (int) create.invokeExact(arena.allocateFrom("gamelan"), 1);
      var truncate = bind("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
      if (file >= 0 && (int) truncate.invokeExact(file, bytes) != 0) {
        close(file);
        return -1;
      }
      return file;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void close(int file) {
    try {
      var close = bind("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
      int _ = (int) close.invokeExact(file);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void call(MemorySegment code, long argument) {
    try {
      CALL.invokeExact(code, argument);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static void copy(byte[] code, long address) {
    var target = MemorySegment.ofAddress(address).reinterpret(code.length);
    MemorySegment.copy(code, 0, target, ValueLayout.JAVA_BYTE, 0, code.length);
  }
}
