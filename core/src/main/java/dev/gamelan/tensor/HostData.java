package dev.gamelan.tensor;

import dev.gamelan.engine.Buffer;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Function;

/** Elements from Java arrays and back. */
final class HostData {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private HostData() {}

  static Tensor of(float[] elements, Shape shape) {
    checkCount(elements.length, shape);
    return copied(new TensorType(DType.F32, shape), MemorySegment.ofArray(elements), FLOAT);
  }

  static Tensor of(double[] elements, Shape shape) {
    var type = new TensorType(DType.F64, shape);
    return copied(
        type,
        MemorySegment.ofArray(elements),
        ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }

  static Tensor of(int[] elements, Shape shape) {
    return copied(new TensorType(DType.I32, shape), MemorySegment.ofArray(elements), INT);
  }

  static Tensor of(long[] elements, Shape shape) {
    return copied(new TensorType(DType.I64, shape), MemorySegment.ofArray(elements), LONG);
  }

  static Tensor of(boolean[] elements, Shape shape) {
    var bytes = new byte[elements.length];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (elements[i] ? 1 : 0);
    return of(new TensorType(DType.BOOL, shape), MemorySegment.ofArray(bytes));
  }

  static Tensor of(TensorType type, MemorySegment bytes) {
    if (bytes.byteSize() < type.bytes()) {
      throw new IllegalArgumentException(
          "%s takes %d bytes; got %d".formatted(type, type.bytes(), bytes.byteSize()));
    }
    var context = Context.current();
    var buffer = Evaluation.upload(context.device(), type, bytes);
    return new Tensor(new LazyValue(LazyNode.leaf(buffer, context.recording()), 0));
  }

  private static void checkCount(long count, Shape shape) {
    if (count != shape.size()) {
      throw new IllegalArgumentException(
          "%s has %d elements; got %d".formatted(shape, shape.size(), count));
    }
  }

  /** In the byte order of buffers, which is the host's on every machine that is common. */
  private static Tensor copied(TensorType type, MemorySegment array, ValueLayout layout) {
    if (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) return of(type, array);
    try (var arena = Arena.ofConfined()) {
      var swapped = arena.allocate(Math.max(array.byteSize(), 1));
      MemorySegment.copy(
          array, layout.withOrder(ByteOrder.nativeOrder()), 0, swapped, layout, 0, type.size());
      return of(type, swapped);
    }
  }

  static float[] toFloats(Tensor tensor) {
    int size = Math.toIntExact(tensor.size());
    var result = new float[size];
    if (tensor.dtype() == DType.F32) {
      var array = MemorySegment.ofArray(result);
      read(tensor, array);
      if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
        MemorySegment.copy(
            array, FLOAT, 0, array, FLOAT.withOrder(ByteOrder.nativeOrder()), 0, size);
      }
      return result;
    }
    var doubles = toDoubles(tensor);
    for (int i = 0; i < size; i++) result[i] = (float) doubles[i];
    return result;
  }

  static double[] toDoubles(Tensor tensor) {
    var result = new double[Math.toIntExact(tensor.size())];
    var bytes = bytes(tensor);
    for (int i = 0; i < result.length; i++) result[i] = element(tensor, bytes, i).toDouble();
    return result;
  }

  static long[] toLongs(Tensor tensor) {
    if (tensor.dtype().isFloat()) {
      throw new IllegalArgumentException(
          "%s has no integers; read floats, or convert it first".formatted(tensor.type()));
    }
    var result = new long[Math.toIntExact(tensor.size())];
    var bytes = bytes(tensor);
    for (int i = 0; i < result.length; i++) result[i] = element(tensor, bytes, i).toLong();
    return result;
  }

  static void read(Tensor tensor, MemorySegment to) {
    if (to.byteSize() < tensor.type().bytes()) {
      throw new IllegalArgumentException(
          "%s takes %d bytes; got %d"
              .formatted(tensor.type(), tensor.type().bytes(), to.byteSize()));
    }
    var buffer = evaluated(tensor);
    var acquired = buffer.acquire();
    try {
      acquired.read(to);
    } finally {
      buffer.release();
    }
  }

  static <T> T withBuffer(Tensor tensor, Function<Buffer, T> reader) {
    var buffer = evaluated(tensor);
    buffer.share();
    var acquired = buffer.acquire();
    try {
      return reader.apply(acquired);
    } finally {
      buffer.release();
    }
  }

  private static DeviceBuffer evaluated(Tensor tensor) {
    var lazy = tensor.lazy();
    if (lazy.node().computedInside) lazy.node().wanted[lazy.index()] = true;
    Evaluation.run(List.of(lazy));
    var buffer = lazy.resolve().buffer();
    if (buffer == null) throw new IllegalStateException("an evaluated tensor has a buffer");
    return buffer;
  }

  /** By way of the heap: of native memory so much would be mapped, page by page, for each call. */
  private static MemorySegment bytes(Tensor tensor) {
    var longs = new long[Math.toIntExact(Math.ceilDiv(tensor.type().bytes(), Long.BYTES))];
    var bytes = MemorySegment.ofArray(longs);
    read(tensor, bytes);
    return bytes;
  }

  private static Scalar element(Tensor tensor, MemorySegment bytes, int i) {
    var dtype = tensor.dtype();
    int bits = dtype.bits();
    long value =
        switch (bits) {
          case 64 -> bytes.get(LONG, 8L * i);
          case 32 -> bytes.get(INT, 4L * i);
          case 16 -> bytes.get(SHORT, 2L * i);
          case 8 -> bytes.get(ValueLayout.JAVA_BYTE, i);
          default ->
              (bytes.get(ValueLayout.JAVA_BYTE, (long) i * bits / 8) & 0xff) >>> (i * bits % 8);
        };
    return new Scalar(dtype, value);
  }
}
