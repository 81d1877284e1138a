package dev.gamelan.onednn.dnnl;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The functions of oneDNN's C API that we use, and libgomp's number of threads. */
@SuppressWarnings("restricted") // It is what this class is for.
final class DnnlBindings {
  private final SymbolLookup dnnl;

  /** Those that are seldom called, bound when they first are: that takes milliseconds each. */
  private final Map<String, MethodHandle> functions = new ConcurrentHashMap<>();

  private final MethodHandle execute;
  private final MethodHandle size;
  private final MethodHandle equal;
  private final MethodHandle descriptor;
  private final MethodHandle setDataHandle;
  private final MethodHandle setThreads;

  /** Loads the libraries of {@code folder}; libgomp first, which the other one needs. */
  DnnlBindings(Path folder) {
    var gomp = SymbolLookup.libraryLookup(folder.resolve("libgomp.so.1"), Arena.global());
    dnnl = SymbolLookup.libraryLookup(folder.resolve("libdnnl.so.3"), Arena.global());
    execute = bind(dnnl, "dnnl_primitive_execute", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
    setDataHandle = bind(dnnl, "dnnl_memory_set_data_handle", ADDRESS, JAVA_LONG);
    size = bind(dnnl, "dnnl_memory_desc_get_size", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
    equal = bind(dnnl, "dnnl_memory_desc_equal", ADDRESS, ADDRESS);
    descriptor =
        bind(
            dnnl,
            "dnnl_primitive_desc_query_md",
            FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_INT));
    setThreads = bind(gomp, "omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
  }

  /** A function that gives a status. */
  private static MethodHandle bind(SymbolLookup library, String name, MemoryLayout... parameters) {
    return bind(library, name, FunctionDescriptor.of(JAVA_INT, parameters));
  }

  private static MethodHandle bind(SymbolLookup library, String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
  }

  /** Of a status, with its arguments in an array. */
  private static MethodHandle spread(MethodHandle function) {
    return function
        .asType(function.type().generic().changeReturnType(int.class))
        .asSpreader(Object[].class, function.type().parameterCount());
  }

  /** A function that writes what it makes to its first parameter; the others are {@code rest}. */
  final class Maker {
    private final String name;
    private final MemoryLayout[] parameters;

    Maker(String name, MemoryLayout... rest) {
      this.name = name;
      this.parameters = new MemoryLayout[rest.length + 1];
      parameters[0] = ADDRESS;
      System.arraycopy(rest, 0, parameters, 1, rest.length);
    }

    /** What the function made; {@link DnnlException} where it does not. */
    MemorySegment make(Object... rest) {
      try (var arena = Arena.ofConfined()) {
        var out = arena.allocate(ADDRESS);
        var arguments = new Object[rest.length + 1];
        arguments[0] = out;
        System.arraycopy(rest, 0, arguments, 1, rest.length);
        DnnlException.check(name, (int) function(name, parameters).invokeExact(arguments));
        return out.get(ADDRESS, 0);
      } catch (DnnlException e) {
        throw e;
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }

  Maker maker(String name, MemoryLayout... rest) {
    return new Maker(name, rest);
  }

  /** Calls a function of addresses and ints that gives a status. */
  void call(String name, Object... arguments) {
    var function = function(name, types(arguments));
    try {
      DnnlException.check(name, (int) function.invokeExact(arguments));
    } catch (DnnlException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private MethodHandle function(String name, MemoryLayout[] parameters) {
    return functions.computeIfAbsent(name, n -> spread(bind(dnnl, n, parameters)));
  }

  private static MemoryLayout[] types(Object[] arguments) {
    var types = new MemoryLayout[arguments.length];
    for (int i = 0; i < types.length; i++) {
      types[i] = arguments[i] instanceof Integer ? JAVA_INT : ADDRESS;
    }
    return types;
  }

  /** The layout of an argument, in whatever layout the primitive chose. */
  MemorySegment argumentDescriptor(MemorySegment primitiveDescriptor, int argument) {
    return descriptor(primitiveDescriptor, 255, argument);
  }

  MemorySegment scratchpadDescriptor(MemorySegment primitiveDescriptor) {
    return descriptor(primitiveDescriptor, 136, 0);
  }

  private MemorySegment descriptor(MemorySegment primitiveDescriptor, int what, int index) {
    try {
      return (MemorySegment) descriptor.invokeExact(primitiveDescriptor, what, index);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  long size(MemorySegment descriptor) {
    try {
      return (long) size.invokeExact(descriptor);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  boolean equal(MemorySegment a, MemorySegment b) {
    try {
      return (int) equal.invokeExact(a, b) != 0;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** The name of the implementation behind a descriptor, such as {@code brg_matmul:avx512_core}. */
  String implementation(MemorySegment primitiveDescriptor) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(ADDRESS);
      call("dnnl_primitive_desc_query", primitiveDescriptor, 8, 0, out);
      return out.get(ADDRESS, 0).reinterpret(256).getString(0);
    }
  }

  void setDataHandle(MemorySegment memory, long address) {
    try {
      DnnlException.check(
          "dnnl_memory_set_data_handle", (int) setDataHandle.invokeExact(memory, address));
    } catch (DnnlException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  void execute(MemorySegment primitive, MemorySegment stream, int count, MemorySegment arguments) {
    try {
      DnnlException.check(
          "dnnl_primitive_execute", (int) execute.invokeExact(primitive, stream, count, arguments));
    } catch (DnnlException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Of what the calling thread calls next: our own threads share the work, not OpenMP's. */
  void useOneThread() {
    try {
      setThreads.invokeExact(1);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
