package dev.gamelan.onednn.code;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.Optional;

/**
 * A function {@code void f(long)} in executable memory, which is unmapped when this is unreachable.
 * No page is ever writable and executable at once.
 */
public final class NativeCode {
  private static final Cleaner CLEANER = Cleaner.create();

  private final CFunction function;
  private final int bytes;

  private NativeCode(long address, int bytes) {
    this.function = new CFunction(MemorySegment.ofAddress(address));
    this.bytes = bytes;
    CLEANER.register(this, () -> LibcBindings.munmap(address, bytes));
  }

  /**
   * Places {@code code}; empty where the system gives no executable memory, as hardened kernels and
   * other operating systems may.
   */
  public static Optional<NativeCode> place(byte[] code) {
    if (!System.getProperty("os.name").equals("Linux")) return Optional.empty();
    long address = protectedPages(code);
    if (address < 0) address = mappedTwice(code);
    return address < 0 ? Optional.empty() : Optional.of(new NativeCode(address, code.length));
  }

  /** Written first, then made executable. */
  private static long protectedPages(byte[] code) {
    long address =
        LibcBindings.mmap(
            code.length,
            LibcBindings.READ | LibcBindings.WRITE,
            LibcBindings.PRIVATE_ANONYMOUS,
            -1);
    if (address == -1) return -1;
    LibcBindings.copy(code, address);
    if (LibcBindings.mprotect(address, code.length, LibcBindings.READ | LibcBindings.EXECUTE)) {
      return address;
    }
    LibcBindings.munmap(address, code.length);
    return -1;
  }

  /** Where a page that was writable may not become executable: two views of one file in memory. */
  private static long mappedTwice(byte[] code) {
    int file = LibcBindings.memoryFile(code.length);
    if (file < 0) return -1;
    try {
      int shared = LibcBindings.SHARED;
      long writable =
          LibcBindings.mmap(code.length, LibcBindings.READ | LibcBindings.WRITE, shared, file);
      if (writable == -1) return -1;
      LibcBindings.copy(code, writable);
      LibcBindings.munmap(writable, code.length);
      return LibcBindings.mmap(code.length, LibcBindings.READ | LibcBindings.EXECUTE, shared, file);
    } finally {
      LibcBindings.close(file);
    }
  }

  /** Runs it. The caller answers for every address that {@code argument} leads to. */
  public void call(long argument) {
    try {
      function.call(argument, 0, 0, 0);
    } finally {
      Reference.reachabilityFence(this); // Its pages stay mapped until it returns.
    }
  }

  public int bytes() {
    return bytes;
  }
}
