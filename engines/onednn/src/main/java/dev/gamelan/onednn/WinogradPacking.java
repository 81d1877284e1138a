package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.WinogradKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Filters of 3 by 3, dense in the order [o, i, 3, 3], transformed for tiles of 2 by 2 results [1]:
 * 16 matrices [i, o], each in panels of so many columns as a kernel multiplies at once.
 *
 * <p>[1] Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, 2016: G·g·Gᵀ.
 */
record WinogradPacking(long filters, long channels, int width) implements Packing {
  private static final int SIDE = 3;
  private static final int TAPS = SIDE * SIDE;

  long panelBytes() {
    return channels * width * Float.BYTES;
  }

  long planeBytes() {
    return filters / width * panelBytes();
  }

  @Override
  public long bytes() {
    return WinogradKernel.PLANES * planeBytes();
  }

  @Override
  public boolean sameAs(Packing other) {
    return equals(other);
  }

  @Override
  public int pieces() {
    return Math.toIntExact(filters / width);
  }

  @Override
  @SuppressWarnings("restricted") // The lowering has checked the sizes of both.
  public void pack(long from, long to, int piece) {
    long filterBytes = channels * TAPS * Float.BYTES;
    long some = width * filterBytes;
    var source = MemorySegment.ofAddress(from + piece * some).reinterpret(some);
    var target = MemorySegment.ofAddress(to).reinterpret(bytes());
    long panel = piece * panelBytes();
    var g = new double[TAPS];
    var columns = new double[WinogradKernel.PIXELS * SIDE];
    var u = new double[WinogradKernel.PLANES];
    for (long o = 0; o < width; o++) {
      for (long i = 0; i < channels; i++) {
        long start = o * filterBytes + i * TAPS * Float.BYTES;
        for (int tap = 0; tap < TAPS; tap++) {
          g[tap] = source.get(ValueLayout.JAVA_FLOAT, start + (long) tap * Float.BYTES);
        }
        for (int c = 0; c < SIDE; c++) transform(g, c, SIDE, columns, c, SIDE);
        for (int r = 0; r < WinogradKernel.PIXELS; r++) {
          transform(columns, SIDE * r, 1, u, WinogradKernel.PIXELS * r, 1);
        }
        for (int plane = 0; plane < u.length; plane++) {
          long at = plane * planeBytes() + panel + (i * width + o) * Float.BYTES;
          target.set(ValueLayout.JAVA_FLOAT, at, (float) u[plane]);
        }
      }
    }
  }

  /** g₀, (g₀ + g₁ + g₂)/2, (g₀ − g₁ + g₂)/2, g₂. */
  private static void transform(
      double[] from, int first, int step, double[] to, int toFirst, int toStep) {
    double sides = (from[first] + from[first + 2 * step]) / 2;
    double middle = from[first + step] / 2;
    to[toFirst] = from[first];
    to[toFirst + toStep] = sides + middle;
    to[toFirst + 2 * toStep] = sides - middle;
    to[toFirst + 3 * toStep] = from[first + 2 * step];
  }
}
