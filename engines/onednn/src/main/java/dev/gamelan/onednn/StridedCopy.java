package dev.gamelan.onednn;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Brings the elements of a view one behind another. */
final class StridedCopy {
  private StridedCopy() {}

  /** From the memory of the view's base to {@code to}. */
  static void copy(View view, MemorySegment from, MemorySegment to) {
    int bytes = view.base().type().dtype().bits() / 8;
    long size = view.shape().size();
    if (size == 0) return;
    if (view.isContiguous()) {
      MemorySegment.copy(from, view.offset() * bytes, to, 0, size * bytes);
      return;
    }
    int last = view.shape().rank() - 1;
    long length = view.shape().dim(last);
    long stride = view.stride(last);
    var index = new long[last + 1];
    long offset = view.offset();
    for (long done = 0; done < size; done += length) {
      row(from, offset, stride, to, done, length, bytes);
      int axis = last - 1;
      while (axis >= 0 && ++index[axis] == view.shape().dim(axis)) {
        offset -= (index[axis] - 1) * view.stride(axis);
        index[axis--] = 0;
      }
      if (axis >= 0) offset += view.stride(axis);
    }
  }

  private static void row(
      MemorySegment from,
      long offset,
      long stride,
      MemorySegment to,
      long at,
      long length,
      int bytes) {
    if (stride == 1) {
      MemorySegment.copy(from, offset * bytes, to, at * bytes, length * bytes);
      return;
    }
    for (long i = 0; i < length; i++) {
      long source = offset + i * stride;
      switch (bytes) {
        case 1 -> to.set(ValueLayout.JAVA_BYTE, at + i, from.get(ValueLayout.JAVA_BYTE, source));
        case 2 ->
            to.set(
                ValueLayout.JAVA_SHORT_UNALIGNED,
                2 * (at + i),
                from.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * source));
        case 4 ->
            to.set(
                ValueLayout.JAVA_INT_UNALIGNED,
                4 * (at + i),
                from.get(ValueLayout.JAVA_INT_UNALIGNED, 4 * source));
        default ->
            to.set(
                ValueLayout.JAVA_LONG_UNALIGNED,
                8 * (at + i),
                from.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * source));
      }
    }
  }
}
