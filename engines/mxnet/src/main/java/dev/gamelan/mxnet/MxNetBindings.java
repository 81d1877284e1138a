package dev.gamelan.mxnet;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gamelan.engine.EngineException;
import dev.gamelan.type.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * MXNet's C API (include/mxnet/c_api.h of 1.9). Functions return 0, or not, and then the thread's
 * last error says why. A handle is freed by its owner.
 */
@SuppressWarnings("restricted")
final class MxNetBindings {
  private static final int CPU = 1;

  /** Of a symbol: arguments and what it updates, such as running means. */
  private static final int ALL_INPUTS = 0;

  /** Ops that are handed to another thread together; it reserves memory for so many. */
  private static final int MOST_AT_ONCE = 1000;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Path FOLDER;
  private static final SymbolLookup SYMBOLS;

  private static final MethodHandle LAST_ERROR;
  private static final MethodHandle VERSION;
  private static final MethodHandle SET_THREADS;
  private static final MethodHandle CREATE_ARRAY;
  private static final MethodHandle FREE_ARRAY;
  private static final MethodHandle ARRAY_DATA;
  private static final MethodHandle ARRAY_DTYPE;
  private static final MethodHandle ARRAY_SHAPE;
  private static final MethodHandle WAIT_TO_READ;
  private static final MethodHandle WAIT_TO_WRITE;
  private static final MethodHandle LOAD_SYMBOL;
  private static final MethodHandle SYMBOL_INPUTS;
  private static final MethodHandle SYMBOL_OUTPUTS;
  private static final MethodHandle SYMBOL_ATTRIBUTES;
  private static final MethodHandle FREE_SYMBOL;
  private static final MethodHandle CREATE_OP;
  private static final MethodHandle FREE_OP;
  private static final MethodHandle INVOKE_OP;
  private static final MethodHandle SET_TRAINING;
  private static final MethodHandle SET_BULK;

  static {
    beforeLoading();
    try {
      FOLDER = NativeLibrary.folder();
    } catch (IOException e) {
      throw new EngineException("MXNet: " + e.getMessage(), e);
    }
    SYMBOLS = SymbolLookup.libraryLookup(FOLDER.resolve(NativeLibrary.MAIN), Arena.global());
    LAST_ERROR =
        LINKER.downcallHandle(
            SYMBOLS.find("MXGetLastError").orElseThrow(), FunctionDescriptor.of(ADDRESS));
    VERSION = find("MXGetVersion", ADDRESS);
    SET_THREADS = find("MXSetNumOMPThreads", JAVA_INT);
    CREATE_ARRAY =
        find(
            "MXNDArrayCreateEx64",
            ADDRESS,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS);
    FREE_ARRAY = find("MXNDArrayFree", ADDRESS);
    ARRAY_DATA = find("MXNDArrayGetData", ADDRESS, ADDRESS);
    ARRAY_DTYPE = find("MXNDArrayGetDType", ADDRESS, ADDRESS);
    ARRAY_SHAPE = find("MXNDArrayGetShapeEx64", ADDRESS, ADDRESS, ADDRESS);
    WAIT_TO_READ = find("MXNDArrayWaitToRead", ADDRESS);
    WAIT_TO_WRITE = find("MXNDArrayWaitToWrite", ADDRESS);
    LOAD_SYMBOL = find("MXSymbolCreateFromJSON", ADDRESS, ADDRESS);
    SYMBOL_INPUTS = find("NNSymbolListInputNames", ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    SYMBOL_OUTPUTS = find("MXSymbolListOutputs", ADDRESS, ADDRESS, ADDRESS);
    SYMBOL_ATTRIBUTES = find("MXSymbolListAttr", ADDRESS, ADDRESS, ADDRESS);
    FREE_SYMBOL = find("MXSymbolFree", ADDRESS);
    CREATE_OP = find("MXCreateCachedOpEx", ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
    FREE_OP = find("MXFreeCachedOp", ADDRESS);
    SET_TRAINING = find("MXAutogradSetIsTraining", JAVA_INT, ADDRESS);
    SET_BULK = find("MXEngineSetBulkSize", JAVA_INT, ADDRESS);
    INVOKE_OP = find("MXInvokeCachedOp", ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
  }

  private MxNetBindings() {}

  /** Idle threads sleep soon, since other engines compute too, unless the user says otherwise. */
  private static void beforeLoading() {
    var setenv = LINKER.defaultLookup().find("setenv");
    if (setenv.isEmpty()) return;
    var handle =
        LINKER.downcallHandle(
            setenv.get(), FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
    try (var arena = Arena.ofConfined()) {
      int _ =
          (int)
              handle.invokeExact(
                  arena.allocateFrom("GOMP_SPINCOUNT"), arena.allocateFrom("10000"), 0);
      int _ =
          (int)
              handle.invokeExact(
                  arena.allocateFrom("MXNET_SAFE_ACCUMULATION"), arena.allocateFrom("1"), 0);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** A function that returns its status. */
  private static MethodHandle find(String name, MemoryLayout... parameters) {
    return LINKER.downcallHandle(
        SYMBOLS.find(name).orElseThrow(() -> new EngineException("MXNet's library has no " + name)),
        FunctionDescriptor.of(JAVA_INT, parameters));
  }

  /** As 1.9.1. */
  static String version() {
    try (var arena = Arena.ofConfined()) {
      var number = arena.allocate(JAVA_INT);
      check((int) VERSION.invokeExact(number));
      int version = number.get(JAVA_INT, 0);
      return "%d.%d.%d".formatted(version / 10_000, version / 100 % 100, version % 100);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static Path folder() {
    return FOLDER;
  }

  static void setThreads(int threads) {
    try {
      check((int) SET_THREADS.invokeExact(threads));
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  // ---- arrays

  /** On the CPU, of unspecified contents; {@code dims} are positive and at least one. */
  static MemorySegment createArray(long[] dims, int dtype) {
    try (var arena = Arena.ofConfined()) {
      var shape = arena.allocateFrom(JAVA_LONG, dims);
      var out = arena.allocate(ADDRESS);
      check((int) CREATE_ARRAY.invokeExact(shape, dims.length, CPU, 0, 0, dtype, out));
      return out.get(ADDRESS, 0);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static void freeArray(MemorySegment array) {
    try {
      check((int) FREE_ARRAY.invokeExact(array));
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** An array's memory after what computes it, while it is not freed. */
  static MemorySegment memory(MemorySegment array, long bytes) {
    try (var arena = Arena.ofConfined()) {
      check((int) WAIT_TO_READ.invokeExact(array));
      var out = arena.allocate(ADDRESS);
      check((int) ARRAY_DATA.invokeExact(array, out));
      return out.get(ADDRESS, 0).reinterpret(bytes);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Returns when nothing reads or computes the array any more. */
  static void waitToWrite(MemorySegment array) {
    try {
      check((int) WAIT_TO_WRITE.invokeExact(array));
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static int dtype(MemorySegment array) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_INT);
      check((int) ARRAY_DTYPE.invokeExact(array, out));
      return out.get(JAVA_INT, 0);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static Shape shape(MemorySegment array) {
    try (var arena = Arena.ofConfined()) {
      var rank = arena.allocate(JAVA_INT);
      var out = arena.allocate(ADDRESS);
      check((int) ARRAY_SHAPE.invokeExact(array, rank, out));
      long bytes = rank.get(JAVA_INT, 0) * JAVA_LONG.byteSize();
      return Shape.of(out.get(ADDRESS, 0).reinterpret(bytes).toArray(JAVA_LONG));
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  // ---- symbols

  /**
   * A program.
   *
   * @param inputs the variables' names, in the order in which a run takes them
   * @param outputs the results' names
   * @param attributes of nodes, {@code NODE$KEY}, and their values
   */
  record Op(
      MemorySegment op,
      List<String> inputs,
      List<String> outputs,
      Map<String, String> attributes) {}

  /** From a symbol's JSON. */
  static Op createOp(String json) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(ADDRESS);
      check((int) LOAD_SYMBOL.invokeExact(arena.allocateFrom(json), out));
      var symbol = out.get(ADDRESS, 0);
      try {
        var count = arena.allocate(JAVA_INT);
        check((int) SYMBOL_INPUTS.invokeExact(symbol, ALL_INPUTS, count, out));
        var inputs = texts(count.get(JAVA_INT, 0), out);
        check((int) SYMBOL_OUTPUTS.invokeExact(symbol, count, out));
        var outputs = texts(count.get(JAVA_INT, 0), out);
        check((int) SYMBOL_ATTRIBUTES.invokeExact(symbol, count, out));
        var pairs = texts(2 * count.get(JAVA_INT, 0), out);
        var attributes = new HashMap<String, String>();
        for (int i = 0; i < pairs.size(); i += 2) attributes.put(pairs.get(i), pairs.get(i + 1));
        var none = MemorySegment.NULL;
        check((int) CREATE_OP.invokeExact(symbol, 0, none, none, out));
        return new Op(out.get(ADDRESS, 0), inputs, outputs, attributes);
      } finally {
        check((int) FREE_SYMBOL.invokeExact(symbol));
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /**
   * @param out holds the pointer to as many pointers
   */
  private static List<String> texts(int count, MemorySegment out) {
    var texts = new ArrayList<String>();
    var array = out.get(ADDRESS, 0).reinterpret(count * ADDRESS.byteSize());
    for (int i = 0; i < count; i++) texts.add(text(array.getAtIndex(ADDRESS, i)));
    return texts;
  }

  static void freeOp(MemorySegment op) {
    try {
      check((int) FREE_OP.invokeExact(op));
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /**
   * Starts a run. Ops are handed over together, not one by one.
   *
   * @param training as one of a training: else a convolution leaves its filter in oneDNN's layout,
   *     in the array that others read
   * @return new arrays, which may not be computed yet
   */
  static MemorySegment[] invoke(MemorySegment op, List<MemorySegment> inputs, boolean training) {
    try (var arena = Arena.ofConfined()) {
      var arguments = arena.allocate(ADDRESS, inputs.size());
      for (int i = 0; i < inputs.size(); i++) arguments.setAtIndex(ADDRESS, i, inputs.get(i));
      var count = arena.allocate(JAVA_INT);
      var out = arena.allocate(ADDRESS);
      var before = arena.allocate(JAVA_INT, 2);
      var bulk = before.asSlice(JAVA_INT.byteSize());
      check((int) SET_TRAINING.invokeExact(training ? 1 : 0, before));
      check((int) SET_BULK.invokeExact(MOST_AT_ONCE, bulk));
      try {
        check((int) INVOKE_OP.invokeExact(op, inputs.size(), arguments, count, out));
      } finally {
        check((int) SET_BULK.invokeExact(bulk.get(JAVA_INT, 0), arena.allocate(JAVA_INT)));
        check((int) SET_TRAINING.invokeExact(before.get(JAVA_INT, 0), arena.allocate(JAVA_INT)));
      }
      var results = new MemorySegment[count.get(JAVA_INT, 0)];
      var array = out.get(ADDRESS, 0).reinterpret(results.length * ADDRESS.byteSize());
      for (int i = 0; i < results.length; i++) results[i] = array.getAtIndex(ADDRESS, i);
      return results;
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  private static void check(int status) throws Throwable {
    if (status == 0) return;
    var message = text((MemorySegment) LAST_ERROR.invokeExact());
    int trace = message.indexOf("\nStack trace:"); // Of its own code.
    throw new EngineException("MXNet: " + (trace < 0 ? message : message.substring(0, trace)));
  }

  private static String text(MemorySegment characters) {
    return characters.reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static RuntimeException failure(Throwable e) {
    if (e instanceof Error error) throw error;
    if (e instanceof RuntimeException known) return known;
    return new EngineException("MXNet: " + e, e);
  }
}
