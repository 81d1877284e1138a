package dev.gamelan.onednn;

import dev.gamelan.onednn.dnnl.DnnlPrimitive;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How weights that last are brought, once, to the form in which a step reads them. */
sealed interface Packing {
  long bytes();

  /** Whether the two give the same bytes. */
  boolean sameAs(Packing other);

  /** Between addresses. */
  void pack(long from, long to);

  /** To the layout that a primitive chose. */
  record OfPrimitive(DnnlPrimitive.Packing packing) implements Packing {
    @Override
    public long bytes() {
      return packing.bytes();
    }

    @Override
    public boolean sameAs(Packing other) {
      return other instanceof OfPrimitive that && packing.sameAs(that.packing);
    }

    @Override
    public void pack(long from, long to) {
      packing.pack(from, to);
    }
  }

  /**
   * A matrix of f32 in panels of {@code width} columns, one behind the other, each with its rows
   * dense; the last one is as wide as the others. Strides in bytes.
   */
  record Panels(long rows, long columns, long rowStride, long columnStride, int width)
      implements Packing {
    /** From one panel to the next, in bytes. */
    long stride() {
      return rows * width * Float.BYTES;
    }

    @Override
    public long bytes() {
      return Math.ceilDiv(columns, (long) width) * stride();
    }

    @Override
    public boolean sameAs(Packing other) {
      return equals(other);
    }

    @Override
    @SuppressWarnings("restricted") // MatmulStep has checked that the matrix lies in its storage.
    public void pack(long from, long to) {
      long reach = (rows - 1) * rowStride + (columns - 1) * columnStride + Float.BYTES;
      var source = MemorySegment.ofAddress(from).reinterpret(reach);
      var target = MemorySegment.ofAddress(to).reinterpret(bytes());
      for (long first = 0; first < columns; first += width) {
        long panel = first * rows * Float.BYTES;
        long count = Math.min(width, columns - first);
        for (long row = 0; row < rows; row++) {
          copy(
              source,
              row * rowStride + first * columnStride,
              target,
              panel + row * width * Float.BYTES,
              count);
        }
      }
    }

    private void copy(MemorySegment from, long start, MemorySegment to, long at, long count) {
      if (columnStride == Float.BYTES) {
        MemorySegment.copy(from, start, to, at, count * Float.BYTES);
        return;
      }
      for (long i = 0; i < count; i++) {
        int element = from.get(ValueLayout.JAVA_INT, start + i * columnStride);
        to.set(ValueLayout.JAVA_INT, at + i * Float.BYTES, element);
      }
    }
  }
}
