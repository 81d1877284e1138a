package dev.gamelan.pytorch;

import ai.djl.pytorch.jni.LibUtils;
import dev.gamelan.engine.EngineException;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;

/**
 * The native functions that DJL's engine brings, without DJL's layer over them. A handle is the
 * address of a C++ object and is deleted by its owner. DJL's numbers for dtypes end the process
 * where they are out of its range: no other function that takes one is called.
 */
final class PyTorchBindings {
  private static final String FORWARD = "forward";
  private static final int[] CPU = {0, -1};
  private static final int COPY_BYTES = 1 << 16;

  private static final MethodHandle LOAD;
  private static final MethodHandle RUN;
  private static final MethodHandle DELETE_MODULE;
  private static final MethodHandle OF_TENSOR;
  private static final MethodHandle OF_LONGS;
  private static final MethodHandle OF_LONG;
  private static final MethodHandle OF_STRING;
  private static final MethodHandle TO_TENSORS;
  private static final MethodHandle DELETE_VALUE;
  private static final MethodHandle EMPTY;
  private static final MethodHandle CLONE;
  private static final MethodHandle DELETE_TENSOR;
  private static final MethodHandle MEMORY;
  private static final MethodHandle SET_THREADS;

  static {
    beforeLoading();
    LibUtils.loadLibrary();
    try {
      var library = Class.forName("ai.djl.pytorch.jni.PyTorchLibrary");
      var lookup = MethodHandles.privateLookupIn(library, MethodHandles.lookup());
      var instance = lookup.findStaticGetter(library, "LIB", library).invoke();
      var find = new Finder(lookup, library, instance);
      LOAD =
          find.of(
              "moduleLoad",
              long.class,
              InputStream.class,
              int[].class,
              boolean.class,
              byte[].class,
              long.class);
      RUN =
          find.of(
              "moduleRunMethod",
              long.class,
              long.class,
              String.class,
              long[].class,
              boolean.class,
              boolean.class);
      DELETE_MODULE = find.of("torchDeleteModule", void.class, long.class);
      OF_TENSOR = find.of("iValueFromTensor", long.class, long.class);
      OF_LONGS = find.of("iValueFromLongList", long.class, long[].class);
      OF_LONG = find.of("iValueFromLong", long.class, long.class);
      OF_STRING = find.of("iValueFromString", long.class, String.class);
      TO_TENSORS = find.of("iValueToTensorList", long[].class, long.class);
      DELETE_VALUE = find.of("torchDeleteIValue", void.class, long.class);
      EMPTY =
          find.of(
              "torchEmpty",
              long.class,
              long[].class,
              int.class,
              int.class,
              int[].class,
              boolean.class);
      CLONE = find.of("tensorClone", long.class, long.class);
      DELETE_TENSOR = find.of("torchDeleteTensor", void.class, long.class);
      MEMORY = find.of("torchDirectByteBuffer", ByteBuffer.class, long.class);
      SET_THREADS = find.of("torchSetNumThreads", void.class, int.class);
    } catch (Throwable e) {
      throw new EngineException("this is not the PyTorch engine of DJL that is expected: " + e);
    }
  }

  private record Finder(MethodHandles.Lookup lookup, Class<?> library, Object instance) {
    MethodHandle of(String name, Class<?> result, Class<?>... parameters)
        throws ReflectiveOperationException {
      return lookup
          .findVirtual(library, name, MethodType.methodType(result, parameters))
          .bindTo(instance);
    }
  }

  private PyTorchBindings() {}

  /**
   * OpenMP's threads spin while they wait for the next op of a step, some 100 µs, and then sleep:
   * without spinning small steps take twice as long, with more they take the cores of others.
   */
  @SuppressWarnings("restricted")
  private static void beforeLoading() {
    var linker = Linker.nativeLinker();
    var setenv = linker.defaultLookup().find("setenv");
    if (setenv.isEmpty()) return;
    var handle =
        linker.downcallHandle(
            setenv.get(),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT));
    try (var arena = Arena.ofConfined()) {
      int _ =
          (int)
              handle.invokeExact(
                  arena.allocateFrom("GOMP_SPINCOUNT"), arena.allocateFrom("10000"), 0);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static String version() {
    return LibUtils.getVersion();
  }

  static String folder() {
    return LibUtils.getLibtorchPath();
  }

  static void setThreads(int threads) {
    try {
      SET_THREADS.invokeExact(threads);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** A module from an archive; its parameters, if any, on the CPU. */
  static long loadModule(byte[] archive) {
    try {
      return (long)
          LOAD.invokeExact(
              (InputStream) new ByteArrayInputStream(archive),
              CPU,
              false,
              new byte[COPY_BYTES],
              (long) archive.length);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static void deleteModule(long module) {
    try {
      DELETE_MODULE.invokeExact(module);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Calls {@code forward}, which gives a list of tensors; none of the arguments is deleted. */
  static long[] run(long module, long[] arguments) {
    try {
      long result = (long) RUN.invokeExact(module, FORWARD, arguments, false, false);
      try {
        return (long[]) TO_TENSORS.invokeExact(result);
      } finally {
        DELETE_VALUE.invokeExact(result);
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static long value(long tensor) {
    try {
      return (long) OF_TENSOR.invokeExact(tensor);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static long value(long[] numbers) {
    try {
      return (long) OF_LONGS.invokeExact(numbers);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static long numberValue(long number) {
    try {
      return (long) OF_LONG.invokeExact(number);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static long value(String text) {
    try {
      return (long) OF_STRING.invokeExact(text);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static void deleteValue(long value) {
    try {
      DELETE_VALUE.invokeExact(value);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /**
   * A tensor on the CPU.
   *
   * @param dtype from {@link ScalarTypes#djlCode}: any other number ends the process
   */
  static long empty(long[] shape, int dtype) {
    try {
      return (long) EMPTY.invokeExact(shape, dtype, 0, CPU, false);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static long copy(long tensor) {
    try {
      return (long) CLONE.invokeExact(tensor);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  static void deleteTensor(long tensor) {
    try {
      DELETE_TENSOR.invokeExact(tensor);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** The memory of a contiguous tensor on the CPU, of less than 2 GiB. */
  static ByteBuffer memory(long tensor) {
    try {
      return (ByteBuffer) MEMORY.invokeExact(tensor);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  private static RuntimeException failure(Throwable e) {
    if (e instanceof Error error) throw error;
    return new EngineException("PyTorch: " + String.valueOf(e.getMessage()).strip(), e);
  }
}
