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

  /** A matrix of f32 with one row behind another; strides in bytes. */
  record Rows(long rows, long columns, long rowStride, long columnStride) implements Packing {
    @Override
    public long bytes() {
      return rows * columns * Float.BYTES;
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
      for (long row = 0; row < rows; row++) {
        for (long column = 0; column < columns; column++) {
          int element = source.get(ValueLayout.JAVA_INT, row * rowStride + column * columnStride);
          target.setAtIndex(ValueLayout.JAVA_INT, row * columns + column, element);
        }
      }
    }
  }
}
