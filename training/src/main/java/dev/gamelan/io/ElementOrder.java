package dev.gamelan.io;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Elements from other orders to ours: little-endian, row-major. */
final class ElementOrder {
  private ElementOrder() {}

  /** Big-endian elements to little-endian ones; the same the other way. */
  static MemorySegment swapped(DType dtype, MemorySegment bytes) {
    return switch (dtype.bits()) {
      case 16 -> swapped(ValueLayout.JAVA_SHORT_UNALIGNED, bytes);
      case 32 -> swapped(ValueLayout.JAVA_INT_UNALIGNED, bytes);
      case 64 -> swapped(ValueLayout.JAVA_LONG_UNALIGNED, bytes);
      default -> bytes;
    };
  }

  private static MemorySegment swapped(ValueLayout layout, MemorySegment bytes) {
    var swapped = allocate(bytes.byteSize());
    long count = bytes.byteSize() / layout.byteSize();
    var big = layout.withOrder(ByteOrder.BIG_ENDIAN);
    var little = layout.withOrder(ByteOrder.LITTLE_ENDIAN);
    MemorySegment.copy(bytes, big, 0, swapped, little, 0, count);
    return swapped;
  }

  /** Column-major elements of {@code type} to row-major ones. */
  static MemorySegment rowMajor(TensorType type, MemorySegment bytes) {
    if (type.rank() < 2 || type.size() < 2) return bytes;
    int width = type.dtype().bits() / 8;
    var strides = columnMajorStrides(type.shape());
    var index = new long[type.rank()];
    var ordered = allocate(bytes.byteSize());
    long from = 0;
    for (long i = 0; i < type.size(); i++) {
      MemorySegment.copy(bytes, from * width, ordered, i * width, width);
      for (int axis = index.length - 1; axis >= 0; axis--) {
        from += strides[axis];
        if (++index[axis] < type.dim(axis)) break;
        from -= index[axis] * strides[axis];
        index[axis] = 0;
      }
    }
    return ordered;
  }

  private static long[] columnMajorStrides(Shape shape) {
    var strides = new long[shape.rank()];
    long stride = 1;
    for (int i = 0; i < strides.length; i++) {
      strides[i] = stride;
      stride *= shape.dim(i);
    }
    return strides;
  }

  private static MemorySegment allocate(long bytes) {
    return Arena.ofAuto().allocate(Math.max(bytes, 1), 64).asSlice(0, bytes);
  }
}
