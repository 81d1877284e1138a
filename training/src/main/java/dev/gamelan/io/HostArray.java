package dev.gamelan.io;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Elements that are on the host: in a Java array, or in a file that is mapped. What datasets are
 * made of before a batch becomes tensors. Row-major, little-endian, packed below 8 bits.
 */
public final class HostArray {
  private final TensorType type;
  private final MemorySegment bytes;

  /**
   * @param bytes as many as {@code type} takes; not copied, so they must not change
   */
  public HostArray(TensorType type, MemorySegment bytes) {
    if (bytes.byteSize() != type.bytes()) {
      throw new IllegalArgumentException(
          "%s takes %d bytes; got %d".formatted(type, type.bytes(), bytes.byteSize()));
    }
    this.type = type;
    this.bytes = bytes;
  }

  /** f32; of rank 1 where no shape is given. */
  public static HostArray of(float[] elements, long... shape) {
    return of(DType.F32, elements.length, shape, MemorySegment.ofArray(elements));
  }

  /** i32; of rank 1 where no shape is given. */
  public static HostArray of(int[] elements, long... shape) {
    return of(DType.I32, elements.length, shape, MemorySegment.ofArray(elements));
  }

  /** i64; of rank 1 where no shape is given. */
  public static HostArray of(long[] elements, long... shape) {
    return of(DType.I64, elements.length, shape, MemorySegment.ofArray(elements));
  }

  private static HostArray of(DType dtype, int length, long[] shape, MemorySegment bytes) {
    var sizes = shape.length == 0 ? Shape.of(length) : Shape.of(shape);
    return new HostArray(new TensorType(dtype, sizes), bytes);
  }

  /** f32, of rank 0. */
  public static HostArray scalar(float value) {
    var bytes = MemorySegment.ofArray(new float[] {value});
    return new HostArray(TensorType.of(DType.F32), bytes);
  }

  /** i32, of rank 0. */
  public static HostArray scalar(int value) {
    return new HostArray(TensorType.of(DType.I32), MemorySegment.ofArray(new int[] {value}));
  }

  /** A copy of what a tensor holds. */
  public static HostArray of(Tensor tensor) {
    var bytes = Arena.ofAuto().allocate(Math.max(tensor.type().bytes(), 1), 64);
    tensor.read(bytes);
    return new HostArray(tensor.type(), bytes.asSlice(0, tensor.type().bytes()));
  }

  /** Arrays of one type along a new first axis; copies. */
  public static HostArray stack(List<HostArray> parts) {
    var type = parts.getFirst().type();
    long size = type.bytes();
    var stacked = type.with(type.shape().insert(0, parts.size()));
    if (type.dtype().bits() < 8 && type.size() * type.dtype().bits() % 8 != 0) {
      throw new IllegalArgumentException(
          "stack: %s does not fill whole bytes; bitcast or convert it first".formatted(type));
    }
    var bytes = MemorySegment.ofArray(new byte[Math.toIntExact(stacked.bytes())]);
    for (int i = 0; i < parts.size(); i++) {
      var part = parts.get(i);
      if (!part.type().equals(type)) {
        throw new IllegalArgumentException(
            "stack: needs arrays of one type; element 0 is %s and element %d is %s; pad them, or map them to one shape"
                .formatted(type, i, part.type()));
      }
      MemorySegment.copy(part.bytes, 0, bytes, i * size, size);
    }
    return new HostArray(stacked, bytes);
  }

  public TensorType type() {
    return type;
  }

  public Shape shape() {
    return type.shape();
  }

  public MemorySegment bytes() {
    return bytes;
  }

  /** One index of the first axis, as a view without that axis. */
  public HostArray at(long index) {
    if (type.rank() == 0 || index < 0 || index >= type.dim(0)) {
      throw new IndexOutOfBoundsException("index %d of %s".formatted(index, type));
    }
    var slice = type.with(type.shape().range(1, type.rank()));
    if (type.dtype().bits() < 8 && slice.size() * type.dtype().bits() % 8 != 0) {
      throw new IllegalArgumentException(
          "%s has rows that do not fill whole bytes; convert it first".formatted(type));
    }
    return new HostArray(slice, bytes.asSlice(index * slice.bytes(), slice.bytes()));
  }

  /** The same elements in another shape. */
  public HostArray reshape(long... shape) {
    return new HostArray(type.with(Shape.of(shape)), bytes);
  }

  /** A tensor with a copy of the elements, on the current device. */
  public Tensor toTensor() {
    return Tensor.of(type, bytes);
  }

  /** The elements as floats, of any dtype. */
  public float[] toFloats() {
    if (type.dtype() != DType.F32) return toTensor().toFloatArray();
    return bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  /** The elements of an integer or bool array. */
  public int[] toInts() {
    if (type.dtype() != DType.I32) return toTensor().toIntArray();
    return bytes.toArray(ValueLayout.JAVA_INT_UNALIGNED);
  }

  /** The type. */
  @Override
  public String toString() {
    return type.toString();
  }
}
