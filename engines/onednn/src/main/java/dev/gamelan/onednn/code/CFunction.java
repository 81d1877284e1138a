package dev.gamelan.onednn.code;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Collections;

/**
 * A C function of integers and addresses that gives one of these, or nothing. On x86-64 they are
 * all passed alike, in six registers and then 8 bytes each on the stack, and a function does not
 * see arguments that it does not have [1]. So two signatures serve all functions: for each one the
 * JVM writes code when it is first used, which takes a start some 20 ms.
 *
 * <p>[1] System V Application Binary Interface, AMD64 Architecture Processor Supplement, 3.2.3.
 *
 * @param address of its code
 */
public record CFunction(MemorySegment address) {
  private static final int IN_REGISTERS = 6;

  /** A constant, because only then does the JVM compile a call to a call. */
  private static final MethodHandle SHORT = handle(IN_REGISTERS);

  /** Of functions with more parameters than registers. */
  private static final class Many {
    private static final int PARAMETERS = 14;
    private static final MethodHandle HANDLE = handle(PARAMETERS);
  }

  @SuppressWarnings("restricted") // It is what this class is for.
  private static MethodHandle handle(int parameters) {
    var longs = Collections.nCopies(parameters, JAVA_LONG).toArray(MemoryLayout[]::new);
    return Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_LONG, longs));
  }

  /**
   * @throws java.util.NoSuchElementException where the library has none of that name
   */
  public static CFunction of(SymbolLookup library, String name) {
    return new CFunction(library.findOrThrow(name));
  }

  /** For whom time matters. What a function without a result gives means nothing. */
  public long call(long a, long b, long c, long d) {
    try {
      return (long) SHORT.invokeExact(address, a, b, c, d, 0L, 0L);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** With up to 14 arguments. Of an int that it gives the upper half means nothing. */
  public long call(long... a) {
    if (a.length > Many.PARAMETERS) throw new IllegalArgumentException(a.length + " arguments");
    try {
      if (a.length <= IN_REGISTERS) {
        return (long)
            SHORT.invokeExact(address, at(a, 0), at(a, 1), at(a, 2), at(a, 3), at(a, 4), at(a, 5));
      }
      return (long)
          Many.HANDLE.invokeExact(
              address, at(a, 0), at(a, 1), at(a, 2), at(a, 3), at(a, 4), at(a, 5), at(a, 6),
              at(a, 7), at(a, 8), at(a, 9), at(a, 10), at(a, 11), at(a, 12), at(a, 13));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static long at(long[] arguments, int index) {
    return index < arguments.length ? arguments[index] : 0;
  }
}
