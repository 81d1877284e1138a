package dev.gamelan.onednn.dnnl;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.gamelan.onednn.code.CFunction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The functions of oneDNN's C API that we use, and libgomp's number of threads. */
@SuppressWarnings("restricted") // It is what this class is for.
final class DnnlBindings {
  private final SymbolLookup dnnl;

  /** Those that are seldom called. */
  private final Map<String, CFunction> functions = new ConcurrentHashMap<>();

  private final CFunction execute;
  private final CFunction size;
  private final CFunction equal;
  private final CFunction descriptor;
  private final CFunction setDataHandle;
  private final CFunction setThreads;

  /** Loads the libraries of {@code folder}; libgomp first, which the other one needs. */
  DnnlBindings(Path folder) {
    var gomp = SymbolLookup.libraryLookup(folder.resolve("libgomp.so.1"), Arena.global());
    dnnl = SymbolLookup.libraryLookup(folder.resolve("libdnnl.so.3"), Arena.global());
    execute = CFunction.of(dnnl, "dnnl_primitive_execute");
    setDataHandle = CFunction.of(dnnl, "dnnl_memory_set_data_handle");
    size = CFunction.of(dnnl, "dnnl_memory_desc_get_size");
    equal = CFunction.of(dnnl, "dnnl_memory_desc_equal");
    descriptor = CFunction.of(dnnl, "dnnl_primitive_desc_query_md");
    setThreads = CFunction.of(gomp, "omp_set_num_threads");
  }

  /**
   * What the function {@code name} writes to its first parameter; the others are {@code rest}, ints
   * and addresses. {@link DnnlException} where it fails.
   */
  MemorySegment make(String name, Object... rest) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(ADDRESS);
      var arguments = new Object[rest.length + 1];
      arguments[0] = out;
      System.arraycopy(rest, 0, arguments, 1, rest.length);
      call(name, arguments);
      return out.get(ADDRESS, 0);
    }
  }

  /** Calls a function of ints and addresses that gives a status. */
  void call(String name, Object... arguments) {
    var function = functions.computeIfAbsent(name, n -> CFunction.of(dnnl, n));
    var words = new long[arguments.length];
    for (int i = 0; i < words.length; i++) {
      words[i] =
          arguments[i] instanceof MemorySegment segment
              ? segment.address()
              : ((Number) arguments[i]).longValue();
    }
    DnnlException.check(name, (int) function.call(words));
  }

  /** The layout of an argument, in whatever layout the primitive chose. */
  MemorySegment argumentDescriptor(MemorySegment primitiveDescriptor, int argument) {
    return descriptor(primitiveDescriptor, 255, argument);
  }

  MemorySegment scratchpadDescriptor(MemorySegment primitiveDescriptor) {
    return descriptor(primitiveDescriptor, 136, 0);
  }

  private MemorySegment descriptor(MemorySegment primitiveDescriptor, int what, int index) {
    return MemorySegment.ofAddress(descriptor.call(primitiveDescriptor.address(), what, index));
  }

  long size(MemorySegment descriptor) {
    return size.call(descriptor.address());
  }

  boolean equal(MemorySegment a, MemorySegment b) {
    return (int) equal.call(a.address(), b.address()) != 0;
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
    int status = (int) setDataHandle.call(memory.address(), address, 0, 0);
    DnnlException.check("dnnl_memory_set_data_handle", status);
  }

  void execute(MemorySegment primitive, MemorySegment stream, int count, MemorySegment arguments) {
    long status = execute.call(primitive.address(), stream.address(), count, arguments.address());
    DnnlException.check("dnnl_primitive_execute", (int) status);
  }

  /** Of what the calling thread calls next: our own threads share the work, not OpenMP's. */
  void useOneThread() {
    setThreads.call(1);
  }
}
