package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gamelan.engine.EngineException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * TensorFlow's C API (tensorflow/c/c_api.h), which is stable from version to version. A pointer is
 * deleted by its owner.
 */
@SuppressWarnings("restricted")
final class TensorFlowBindings {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Path FOLDER;
  private static final SymbolLookup SYMBOLS;

  private static final MethodHandle VERSION_TEXT;
  private static final MethodHandle NEW_STATUS;
  private static final MethodHandle DELETE_STATUS;
  private static final MethodHandle GET_CODE;
  private static final MethodHandle MESSAGE;
  private static final MethodHandle ALLOCATE_TENSOR;
  private static final MethodHandle DELETE_TENSOR;
  private static final MethodHandle TENSOR_DATA;
  private static final MethodHandle TENSOR_BYTES;
  private static final MethodHandle NEW_GRAPH;
  private static final MethodHandle DELETE_GRAPH;
  private static final MethodHandle NEW_IMPORT_OPTIONS;
  private static final MethodHandle DELETE_IMPORT_OPTIONS;
  private static final MethodHandle NEW_BUFFER;
  private static final MethodHandle DELETE_BUFFER;
  private static final MethodHandle IMPORT_GRAPH;
  private static final MethodHandle OPERATION;
  private static final MethodHandle NEW_OPTIONS;
  private static final MethodHandle SET_CONFIG;
  private static final MethodHandle DELETE_OPTIONS;
  private static final MethodHandle NEW_SESSION;
  private static final MethodHandle CLOSE_SESSION;
  private static final MethodHandle DELETE_SESSION;
  private static final MethodHandle RUN;
  private static final MethodHandle LOAD_SESSION;
  private static final MethodHandle EMPTY_BUFFER;
  private static final MethodHandle RESULT_COUNT;
  private static final MethodHandle RESULT_TYPE;
  private static final MethodHandle TENSOR_TYPE;
  private static final MethodHandle RANK;
  private static final MethodHandle DIM;

  /** An operation and the index of its result. */
  static final MemoryLayout OUTPUT =
      MemoryLayout.structLayout(ADDRESS, JAVA_INT, MemoryLayout.paddingLayout(4));

  static {
    beforeLoading();
    try {
      FOLDER = NativeLibrary.folder();
    } catch (IOException e) {
      throw new EngineException("TensorFlow: " + e.getMessage(), e);
    }
    // The library is linked against the framework, which is found once it is loaded.
    var framework =
        SymbolLookup.libraryLookup(FOLDER.resolve(NativeLibrary.FRAMEWORK), Arena.global());
    SYMBOLS =
        SymbolLookup.libraryLookup(FOLDER.resolve(NativeLibrary.MAIN), Arena.global())
            .or(framework);
    VERSION_TEXT = find("TF_Version", FunctionDescriptor.of(ADDRESS));
    NEW_STATUS = find("TF_NewStatus", FunctionDescriptor.of(ADDRESS));
    DELETE_STATUS = find("TF_DeleteStatus", FunctionDescriptor.ofVoid(ADDRESS));
    GET_CODE = find("TF_GetCode", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    MESSAGE = find("TF_Message", FunctionDescriptor.of(ADDRESS, ADDRESS));
    ALLOCATE_TENSOR =
        find(
            "TF_AllocateTensor",
            FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG));
    DELETE_TENSOR = find("TF_DeleteTensor", FunctionDescriptor.ofVoid(ADDRESS));
    TENSOR_DATA = find("TF_TensorData", FunctionDescriptor.of(ADDRESS, ADDRESS));
    TENSOR_BYTES = find("TF_TensorByteSize", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
    NEW_GRAPH = find("TF_NewGraph", FunctionDescriptor.of(ADDRESS));
    DELETE_GRAPH = find("TF_DeleteGraph", FunctionDescriptor.ofVoid(ADDRESS));
    NEW_IMPORT_OPTIONS = find("TF_NewImportGraphDefOptions", FunctionDescriptor.of(ADDRESS));
    DELETE_IMPORT_OPTIONS =
        find("TF_DeleteImportGraphDefOptions", FunctionDescriptor.ofVoid(ADDRESS));
    NEW_BUFFER = find("TF_NewBufferFromString", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG));
    DELETE_BUFFER = find("TF_DeleteBuffer", FunctionDescriptor.ofVoid(ADDRESS));
    IMPORT_GRAPH =
        find(
            "TF_GraphImportGraphDef",
            FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    OPERATION = find("TF_GraphOperationByName", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
    NEW_OPTIONS = find("TF_NewSessionOptions", FunctionDescriptor.of(ADDRESS));
    SET_CONFIG =
        find("TF_SetConfig", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));
    DELETE_OPTIONS = find("TF_DeleteSessionOptions", FunctionDescriptor.ofVoid(ADDRESS));
    NEW_SESSION = find("TF_NewSession", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    CLOSE_SESSION = find("TF_CloseSession", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS));
    DELETE_SESSION = find("TF_DeleteSession", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS));
    LOAD_SESSION =
        find(
            "TF_LoadSessionFromSavedModel",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    EMPTY_BUFFER = find("TF_NewBuffer", FunctionDescriptor.of(ADDRESS));
    RESULT_COUNT = find("TF_OperationNumOutputs", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    RESULT_TYPE = find("TF_OperationOutputType", FunctionDescriptor.of(JAVA_INT, OUTPUT));
    TENSOR_TYPE = find("TF_TensorType", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    RANK = find("TF_NumDims", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    DIM = find("TF_Dim", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_INT));
    RUN =
        find(
            "TF_SessionRun",
            FunctionDescriptor.ofVoid(
                ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, ADDRESS,
                JAVA_INT, ADDRESS, ADDRESS));
  }

  private TensorFlowBindings() {}

  /**
   * Only errors are logged, and XLA uses the widest vectors, unless the user says otherwise. What
   * XLA logs through Abseil, four lines at the first compilation, no setting reaches.
   */
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
                  arena.allocateFrom("TF_CPP_MIN_LOG_LEVEL"), arena.allocateFrom("2"), 0);
      int _ =
          (int)
              handle.invokeExact(
                  arena.allocateFrom("XLA_FLAGS"),
                  arena.allocateFrom("--xla_cpu_prefer_vector_width=512"),
                  0);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  private static MethodHandle find(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(
        SYMBOLS
            .find(name)
            .orElseThrow(() -> new EngineException("TensorFlow's library has no " + name)),
        type);
  }

  static String version() {
    try {
      return text((MemorySegment) VERSION_TEXT.invokeExact());
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static Path folder() {
    return FOLDER;
  }

  // ---- tensors

  static MemorySegment allocate(int dtype, long[] dims, long bytes) {
    try (var arena = Arena.ofConfined()) {
      var shape = arena.allocateFrom(JAVA_LONG, dims);
      var tensor = (MemorySegment) ALLOCATE_TENSOR.invokeExact(dtype, shape, dims.length, bytes);
      if (tensor.equals(MemorySegment.NULL)) {
        throw new EngineException("TensorFlow: no memory for %d bytes".formatted(bytes));
      }
      return tensor;
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static void deleteTensor(MemorySegment tensor) {
    try {
      DELETE_TENSOR.invokeExact(tensor);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** A tensor's memory, while it is not deleted. */
  static MemorySegment memory(MemorySegment tensor) {
    try {
      long bytes = (long) TENSOR_BYTES.invokeExact(tensor);
      return ((MemorySegment) TENSOR_DATA.invokeExact(tensor)).reinterpret(bytes);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static int tensorDtype(MemorySegment tensor) {
    try {
      return (int) TENSOR_TYPE.invokeExact(tensor);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static long[] dims(MemorySegment tensor) {
    try {
      var dims = new long[(int) RANK.invokeExact(tensor)];
      for (int i = 0; i < dims.length; i++) dims[i] = (long) DIM.invokeExact(tensor, i);
      return dims;
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  // ---- graphs and sessions

  static MemorySegment importGraph(byte[] graphDef) {
    try (var arena = Arena.ofConfined()) {
      var status = (MemorySegment) NEW_STATUS.invokeExact();
      var options = (MemorySegment) NEW_IMPORT_OPTIONS.invokeExact();
      var graph = (MemorySegment) NEW_GRAPH.invokeExact();
      var bytes = arena.allocateFrom(JAVA_BYTE, graphDef);
      var buffer = (MemorySegment) NEW_BUFFER.invokeExact(bytes, (long) graphDef.length);
      try {
        IMPORT_GRAPH.invokeExact(graph, buffer, options, status);
        check(status);
        return graph;
      } catch (EngineException e) {
        DELETE_GRAPH.invokeExact(graph);
        throw e;
      } finally {
        DELETE_BUFFER.invokeExact(buffer);
        DELETE_IMPORT_OPTIONS.invokeExact(options);
        DELETE_STATUS.invokeExact(status);
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static void deleteGraph(MemorySegment graph) {
    try {
      DELETE_GRAPH.invokeExact(graph);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /**
   * @throws EngineException if the graph has none of that name, or it has fewer results
   */
  static MemorySegment operation(MemorySegment graph, String name, int result) {
    try (var arena = Arena.ofConfined()) {
      var operation = (MemorySegment) OPERATION.invokeExact(graph, arena.allocateFrom(name));
      boolean found = !operation.equals(MemorySegment.NULL);
      if (!found || result < 0 || result >= (int) RESULT_COUNT.invokeExact(operation)) {
        throw new EngineException(
            "TensorFlow: the graph has no '%s' with a result %d".formatted(name, result));
      }
      return operation;
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** TensorFlow's number for the dtype of an {@link #OUTPUT}. */
  static int dtype(MemorySegment output) {
    try {
      return (int) RESULT_TYPE.invokeExact(output);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** A session and its graph, of one owner. */
  record GraphSession(MemorySegment graph, MemorySegment session) {}

  /**
   * @param metaGraph a MetaGraphDef
   */
  record LoadedSession(GraphSession session, MemorySegment metaGraph) {}

  /** Of a SavedModel. */
  static LoadedSession loadSession(String folder, String tag, byte[] config) {
    try (var arena = Arena.ofConfined()) {
      var status = (MemorySegment) NEW_STATUS.invokeExact();
      var options = (MemorySegment) NEW_OPTIONS.invokeExact();
      var graph = (MemorySegment) NEW_GRAPH.invokeExact();
      var buffer = (MemorySegment) EMPTY_BUFFER.invokeExact();
      try {
        setConfig(options, config, arena, status);
        var tags = arena.allocateFrom(ADDRESS, arena.allocateFrom(tag));
        var session =
            (MemorySegment)
                LOAD_SESSION.invokeExact(
                    options,
                    MemorySegment.NULL,
                    arena.allocateFrom(folder),
                    tags,
                    1,
                    graph,
                    buffer,
                    status);
        check(status);
        var data = buffer.reinterpret(ADDRESS.byteSize() + JAVA_LONG.byteSize());
        long size = data.get(JAVA_LONG, ADDRESS.byteSize());
        var metaGraph = data.get(ADDRESS, 0).reinterpret(size).toArray(JAVA_BYTE);
        return new LoadedSession(
            new GraphSession(graph, session), MemorySegment.ofArray(metaGraph));
      } catch (EngineException e) {
        DELETE_GRAPH.invokeExact(graph);
        throw e;
      } finally {
        DELETE_BUFFER.invokeExact(buffer);
        DELETE_OPTIONS.invokeExact(options);
        DELETE_STATUS.invokeExact(status);
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Owns the graph from now on, which is deleted where this fails. */
  static GraphSession newSession(MemorySegment graph, byte[] config) {
    try (var arena = Arena.ofConfined()) {
      var status = (MemorySegment) NEW_STATUS.invokeExact();
      var options = (MemorySegment) NEW_OPTIONS.invokeExact();
      try {
        setConfig(options, config, arena, status);
        var session = (MemorySegment) NEW_SESSION.invokeExact(graph, options, status);
        check(status);
        return new GraphSession(graph, session);
      } catch (EngineException e) {
        DELETE_GRAPH.invokeExact(graph);
        throw e;
      } finally {
        DELETE_OPTIONS.invokeExact(options);
        DELETE_STATUS.invokeExact(status);
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  private static void setConfig(
      MemorySegment options, byte[] config, Arena arena, MemorySegment status) throws Throwable {
    var bytes = arena.allocateFrom(JAVA_BYTE, config);
    SET_CONFIG.invokeExact(options, bytes, (long) config.length, status);
    check(status);
  }

  static void deleteSession(MemorySegment session) {
    try {
      var status = (MemorySegment) NEW_STATUS.invokeExact();
      CLOSE_SESSION.invokeExact(session, status);
      DELETE_SESSION.invokeExact(session, status);
      DELETE_STATUS.invokeExact(status);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /**
   * Runs in the caller's thread.
   *
   * @param inputs of {@link #OUTPUT}
   * @param outputs of {@link #OUTPUT}
   * @param results where pointers to new tensors are written
   */
  static void run(
      MemorySegment session,
      MemorySegment inputs,
      MemorySegment arguments,
      int inputCount,
      MemorySegment outputs,
      MemorySegment results,
      int outputCount) {
    try {
      var status = (MemorySegment) NEW_STATUS.invokeExact();
      try {
        RUN.invokeExact(
            session,
            MemorySegment.NULL,
            inputs,
            arguments,
            inputCount,
            outputs,
            results,
            outputCount,
            MemorySegment.NULL,
            0,
            MemorySegment.NULL,
            status);
        check(status);
      } finally {
        DELETE_STATUS.invokeExact(status);
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  private static void check(MemorySegment status) throws Throwable {
    if ((int) GET_CODE.invokeExact(status) == 0) return;
    throw new EngineException("TensorFlow: " + text((MemorySegment) MESSAGE.invokeExact(status)));
  }

  private static String text(MemorySegment characters) {
    return characters.reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static RuntimeException failure(Throwable e) {
    if (e instanceof Error error) throw error;
    if (e instanceof RuntimeException known) return known;
    return new EngineException("TensorFlow: " + e, e);
  }
}
