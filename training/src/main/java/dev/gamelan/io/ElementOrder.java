package dev.gamelan.io;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Elements from other orders to ours: little-endian, row-major. */
final class ElementOrder {
  private ElementOrder() {}

  /** Big-endian elements to little-endian ones; the same the other way. */
  static MemorySegment swapped(DType dtype, MemorySegment bytes) {
    int width = dtype.bits() / 8;
    if (width == 1) return bytes;
    var swapped = allocate(bytes.byteSize());
    for (long at = 0; at < bytes.byteSize(); at += width) {
      for (int i = 0; i < width; i++) {
        var b = bytes.get(ValueLayout.JAVA_BYTE, at + i);
        swapped.set(ValueLayout.JAVA_BYTE, at + width - 1 - i, b);
      }
    }
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
