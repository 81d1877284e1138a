package dev.gamelan.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.dnnl.Dnnl;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One of oneDNN's primitives as its own users call it: on its OpenMP team, with weights brought
 * beforehand to the layout that it asks for.
 */
@SuppressWarnings("restricted") // A C library is what this class calls.
final class OneDnnKernel implements Contender {
  private static final int F32 = 3;
  private static final int ANY = 1;
  private static final int FORWARD_INFERENCE = 96;
  private static final int SOFTMAX_ACCURATE = 0x30000;
  private static final int USE_SCALE_AND_SHIFT = 6;
  private static final int SRC = 1;
  private static final int DST = 17;
  private static final int WEIGHTS = 33;
  private static final int SCALE = 51;
  private static final int SHIFT = 52;
  private static final int QUERY_DESCRIPTOR = 255;
  private static final MemorySegment NONE = MemorySegment.NULL;

  private final Arena arena = Arena.ofShared();
  private final SymbolLookup library;
  private final MemorySegment engine;
  private final MemorySegment stream;
  private final MethodHandle execute;
  private final MethodHandle await;
  private MemorySegment primitive = NONE;
  private MemorySegment arguments = NONE;
  private int count;
  private MemorySegment result = NONE;

  private OneDnnKernel(int threads) throws IOException {
    var folder = Dnnl.load(Isa.AVX512).folder();
    var gomp = SymbolLookup.libraryLookup(folder.resolve("libgomp.so.1"), arena);
    library = SymbolLookup.libraryLookup(folder.resolve("libdnnl.so.3"), arena);
    var setThreads =
        Linker.nativeLinker()
            .downcallHandle(
                gomp.findOrThrow("omp_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT));
    try {
      setThreads.invokeExact(threads);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    engine = make("dnnl_engine_create", 1, 0L);
    stream = make("dnnl_stream_create", engine, 1);
    execute = bind("dnnl_primitive_execute", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
    await = bind("dnnl_stream_wait", ADDRESS);
  }

  /** x [m, k] times the transpose of weights [n, k]. */
  static OneDnnKernel matmul(int threads, float[] x, float[] weights, int m) throws IOException {
    var kernel = new OneDnnKernel(threads);
    int k = x.length / m;
    int n = weights.length / k;
    var src = kernel.rows(m, k);
    var dst = kernel.rows(m, n);
    var any = kernel.make("dnnl_memory_desc_create_with_tag", 2, kernel.longs(k, n), F32, ANY);
    var descriptor =
        kernel.make("dnnl_matmul_primitive_desc_create", kernel.engine, src, any, NONE, dst, NONE);
    var wanted = kernel.query(descriptor, WEIGHTS);
    var given =
        kernel.make(
            "dnnl_memory_desc_create_with_strides", 2, kernel.longs(k, n), F32, kernel.longs(1, k));
    var packed = kernel.memory(wanted, kernel.arena.allocate(kernel.size(wanted), 64));
    kernel.reorder(given, kernel.memory(given, kernel.floats(weights)), wanted, packed);
    var operands = new LinkedHashMap<Integer, MemorySegment>();
    operands.put(SRC, kernel.memory(src, kernel.floats(x)));
    operands.put(WEIGHTS, packed);
    kernel.prepare(descriptor, dst, m * n, operands);
    return kernel;
  }

  static OneDnnKernel softmax(int threads, float[] x, int rows) throws IOException {
    var kernel = new OneDnnKernel(threads);
    var layout = kernel.rows(rows, x.length / rows);
    var descriptor =
        kernel.make(
            "dnnl_softmax_forward_primitive_desc_create",
            kernel.engine,
            FORWARD_INFERENCE,
            SOFTMAX_ACCURATE,
            layout,
            layout,
            1,
            NONE);
    kernel.prepare(
        descriptor, layout, x.length, Map.of(SRC, kernel.memory(layout, kernel.floats(x))));
    return kernel;
  }

  static OneDnnKernel layerNorm(int threads, float[] x, float[] scale, float[] shift, float epsilon)
      throws IOException {
    var kernel = new OneDnnKernel(threads);
    int columns = scale.length;
    var layout = kernel.rows(x.length / columns, columns);
    var line =
        kernel.make(
            "dnnl_memory_desc_create_with_strides", 1, kernel.longs(columns), F32, kernel.longs(1));
    var descriptor =
        kernel.make(
            "dnnl_layer_normalization_forward_primitive_desc_create",
            kernel.engine,
            FORWARD_INFERENCE,
            layout,
            layout,
            NONE,
            epsilon,
            USE_SCALE_AND_SHIFT,
            NONE);
    var operands = new LinkedHashMap<Integer, MemorySegment>();
    operands.put(SRC, kernel.memory(layout, kernel.floats(x)));
    operands.put(SCALE, kernel.memory(line, kernel.floats(scale)));
    operands.put(SHIFT, kernel.memory(line, kernel.floats(shift)));
    kernel.prepare(descriptor, layout, x.length, operands);
    return kernel;
  }

  private void prepare(
      MemorySegment descriptor, MemorySegment dst, int size, Map<Integer, MemorySegment> operands) {
    result = arena.allocate(4L * size, 64);
    primitive = make("dnnl_primitive_create", descriptor);
    var all = new LinkedHashMap<>(operands);
    all.put(DST, memory(dst, result));
    arguments = table(all);
    count = all.size();
  }

  private void reorder(MemorySegment from, MemorySegment x, MemorySegment to, MemorySegment y) {
    var descriptor = make("dnnl_reorder_primitive_desc_create", from, engine, to, engine, NONE);
    var operands = new LinkedHashMap<Integer, MemorySegment>();
    operands.put(SRC, x);
    operands.put(DST, y);
    run(make("dnnl_primitive_create", descriptor), operands.size(), table(operands));
  }

  private void run(MemorySegment primitive, int count, MemorySegment arguments) {
    try {
      check("execute", (int) execute.invokeExact(primitive, stream, count, arguments));
      check("wait", (int) await.invokeExact(stream));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** dnnl_exec_arg_t: an int, padding, and a memory. */
  private MemorySegment table(Map<Integer, MemorySegment> operands) {
    var table = arena.allocate(16L * operands.size(), 8);
    long at = 0;
    for (var operand : operands.entrySet()) {
      table.set(JAVA_INT, at, operand.getKey());
      table.set(ADDRESS, at + 8, operand.getValue());
      at += 16;
    }
    return table;
  }

  private MemorySegment rows(long rows, long columns) {
    return make(
        "dnnl_memory_desc_create_with_strides", 2, longs(rows, columns), F32, longs(columns, 1));
  }

  private MemorySegment memory(MemorySegment descriptor, MemorySegment data) {
    return make("dnnl_memory_create", descriptor, engine, data);
  }

  private MemorySegment floats(float[] values) {
    var data = arena.allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, data, JAVA_FLOAT, 0, values.length);
    return data;
  }

  private MemorySegment longs(long... values) {
    return arena.allocateFrom(JAVA_LONG, values);
  }

  private MemorySegment query(MemorySegment descriptor, int argument) {
    return (MemorySegment)
        call(ADDRESS, "dnnl_primitive_desc_query_md", descriptor, QUERY_DESCRIPTOR, argument);
  }

  private long size(MemorySegment descriptor) {
    return (long) call(JAVA_LONG, "dnnl_memory_desc_get_size", descriptor);
  }

  /** What a function writes to its first parameter. */
  private MemorySegment make(String name, Object... rest) {
    var out = arena.allocate(ADDRESS);
    var all = new Object[rest.length + 1];
    all[0] = out;
    System.arraycopy(rest, 0, all, 1, rest.length);
    check(name, (int) call(JAVA_INT, name, all));
    return out.get(ADDRESS, 0);
  }

  private Object call(MemoryLayout result, String name, Object... arguments) {
    var parameters = new MemoryLayout[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      parameters[i] =
          switch (arguments[i]) {
            case Integer number -> JAVA_INT;
            case Long number -> JAVA_LONG;
            case Float number -> JAVA_FLOAT;
            default -> ADDRESS;
          };
    }
    var type = FunctionDescriptor.of(result, parameters);
    try {
      return Linker.nativeLinker()
          .downcallHandle(library.findOrThrow(name), type)
          .invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private MethodHandle bind(String name, MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(library.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, parameters));
  }

  private static void check(String function, int status) {
    if (status != 0) throw new IllegalStateException(function + ": status " + status);
  }

  @Override
  public float[] result() {
    call();
    return result.toArray(JAVA_FLOAT);
  }

  @Override
  public void call() {
    run(primitive, count, arguments);
  }

  /** What the library made lives as long as the process of this benchmark. */
  @Override
  public void close() {}
}
