package dev.gamelan.onednn;

import dev.gamelan.onednn.dnnl.DnnlPrimitive;
import dev.gamelan.onednn.kernel.TransposeKernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How weights that last are brought, once, to the form in which a step reads them. */
sealed interface Packing permits Packing.OfPrimitive, Packing.Panels, WinogradPacking {
  long bytes();

  /** Whether the two give the same bytes. */
  boolean sameAs(Packing other);

  /** In how many pieces it can be packed, at once. */
  int pieces();

  /** Packs a piece of what lies at {@code from} into the whole at {@code to}. */
  void pack(long from, long to, int piece);

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
    public int pieces() {
      return 1;
    }

    @Override
    public void pack(long from, long to, int piece) {
      packing.pack(from, to);
    }
  }

  /**
   * A matrix of f32 in panels of {@code width} columns, one behind the other, each with its rows
   * dense; the last one is as wide as the others. Strides in bytes.
   *
   * @param transpose brings what lies in columns into rows
   */
  record Panels(
      long rows,
      long columns,
      long rowStride,
      long columnStride,
      int width,
      TransposeKernel transpose)
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
    public int pieces() {
      return Math.toIntExact(Math.ceilDiv(columns, (long) width));
    }

    @Override
    public void pack(long from, long to, int piece) {
      long first = (long) piece * width;
      long count = Math.min(width, columns - first);
      long source = from + first * columnStride;
      long target = to + piece * stride();
      boolean inColumns = rowStride == Float.BYTES && columnStride != Float.BYTES;
      if (inColumns && rows >= TransposeKernel.TILE && count >= TransposeKernel.TILE) {
        turn(source, target, count);
      } else {
        copy(source, target, count);
      }
    }

    private void turn(long source, long target, long count) {
      try (var arena = Arena.ofConfined()) {
        var arguments = arena.allocate(ValueLayout.JAVA_LONG, TransposeKernel.ARGUMENTS);
        arguments.setAtIndex(ValueLayout.JAVA_LONG, TransposeKernel.SOURCE, source);
        arguments.setAtIndex(ValueLayout.JAVA_LONG, TransposeKernel.SOURCE_STRIDE, columnStride);
        arguments.setAtIndex(ValueLayout.JAVA_LONG, TransposeKernel.TARGET, target);
        arguments.setAtIndex(
            ValueLayout.JAVA_LONG, TransposeKernel.TARGET_STRIDE, (long) width * Float.BYTES);
        arguments.setAtIndex(ValueLayout.JAVA_LONG, TransposeKernel.TARGET_ROWS, rows);
        arguments.setAtIndex(ValueLayout.JAVA_LONG, TransposeKernel.TARGET_COLUMNS, count);
        transpose.run(arguments.address());
      }
    }

    @SuppressWarnings("restricted") // PanelMatmulStep has checked that it lies in its storage.
    private void copy(long source, long target, long count) {
      long reach = (rows - 1) * rowStride + (count - 1) * columnStride + Float.BYTES;
      var from = MemorySegment.ofAddress(source).reinterpret(reach);
      var to = MemorySegment.ofAddress(target).reinterpret(stride());
      for (long row = 0; row < rows; row++) {
        long start = row * rowStride;
        long at = row * width * Float.BYTES;
        if (columnStride == Float.BYTES) {
          MemorySegment.copy(from, start, to, at, count * Float.BYTES);
          continue;
        }
        for (long i = 0; i < count; i++) {
          int element = from.get(ValueLayout.JAVA_INT, start + i * columnStride);
          to.set(ValueLayout.JAVA_INT, at + i * Float.BYTES, element);
        }
      }
    }
  }
}
