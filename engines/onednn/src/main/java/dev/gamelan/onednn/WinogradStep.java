package dev.gamelan.onednn;

import static dev.gamelan.onednn.kernel.WinogradKernel.LANES;
import static dev.gamelan.onednn.kernel.WinogradKernel.PIXELS;
import static dev.gamelan.onednn.kernel.WinogradKernel.PLANES;
import static dev.gamelan.onednn.kernel.WinogradKernel.RESULTS;

import dev.gamelan.onednn.code.Scratchpad;
import dev.gamelan.onednn.kernel.MatmulKernel;
import dev.gamelan.onednn.kernel.WinogradKernel;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A convolution of 3 by 3 with weights that last, in f32, in tiles of 2 by 2 results ({@link
 * WinogradKernel}): each thread transforms some rows of tiles, multiplies them by filters, and
 * transforms the sums, all in memory of its own.
 */
final class WinogradStep implements Step {
  /** Pictures, one after the other, with dense channels; strides in bytes. */
  record Pictures(
      Storage storage,
      long offset,
      long rows,
      long columns,
      long channels,
      long pictureStride,
      long rowStride,
      long pixelStride) {
    long at(long picture, long row, long column) {
      return offset + picture * pictureStride + row * rowStride + column * pixelStride;
    }

    private long pixelBytes() {
      return channels * Float.BYTES;
    }

    void checkBounds(long count, Object what) {
      long end = at(count - 1, rows - 1, columns - 1) + pixelBytes();
      if (offset < 0 || end > storage.bytes) {
        throw new IllegalStateException(
            "%s would reach byte %d of %d".formatted(what, end, storage.bytes));
      }
    }
  }

  /**
   * What is computed.
   *
   * @param top rows of padding before the first, as {@code left} columns
   */
  record Convolution(Pictures x, Pictures y, long count, long top, long left) {
    long tileRows() {
      return Math.ceilDiv(y.rows, (long) RESULTS);
    }

    long tileColumns() {
      return Math.ceilDiv(y.columns, (long) RESULTS);
    }
  }

  /**
   * What one thread does: rows of tiles, those of all pictures after each other, times panels of
   * the filters.
   */
  record Part(long firstRow, long rows, long firstPanel, long panels) {}

  /** What a thread's tiles take at most, unless one row of them is more. */
  private static final long TILE_BYTES = 2 << 20;

  private static final long LINE = 64;

  /**
   * How a thread's memory is laid out, in bytes: padded pixels, tiles in planes, sums in planes.
   *
   * @param rows of tiles that are there at once
   */
  private record Scratch(
      long rows, long paddedRow, long tile, long plane, long sum, long sumPlane) {
    private static Scratch of(Convolution what, long rows, long resultBytes) {
      long pixel = what.x.pixelBytes();
      long tiles = rows * what.tileColumns();
      long paddedRow = (RESULTS * what.tileColumns() + PIXELS - RESULTS) * pixel;
      // Lines between planes and rows, so that they do not lie in the same sets of the cache.
      long tile = pixel + LINE;
      long sum = resultBytes + LINE;
      return new Scratch(rows, paddedRow, tile, tiles * tile + LINE, sum, tiles * sum + LINE);
    }

    /**
     * For a thread that has so many rows of tiles.
     *
     * @param resultBytes of a result's channels that it computes
     */
    static Scratch ofPart(Convolution what, long rows, long resultBytes) {
      var one = of(what, 1, resultBytes);
      long most = Math.max(1, TILE_BYTES / (PLANES * (one.plane + one.sumPlane)));
      return of(what, Math.ceilDiv(rows, Math.ceilDiv(rows, most)), resultBytes);
    }

    long planes() {
      return (RESULTS * rows + PIXELS - RESULTS) * paddedRow;
    }

    long sums() {
      return planes() + PLANES * plane;
    }

    long bytes() {
      return sums() + PLANES * sumPlane;
    }
  }

  /** Of one part: those of the kernels, one behind the other. */
  static final int ARGUMENTS =
      WinogradKernel.PIXELS_ARGUMENTS + WinogradKernel.RESULTS_ARGUMENTS + MatmulKernel.ARGUMENTS;

  private static final int RESULTS_AT = WinogradKernel.PIXELS_ARGUMENTS;
  private static final int MATMUL_AT = RESULTS_AT + WinogradKernel.RESULTS_ARGUMENTS;

  private final WinogradKernel kernel;
  private final MatmulKernel matmul;
  private final Convolution convolution;
  private final Storage filter;
  private final WinogradPacking packing;
  private final List<Part> parts;
  private final List<Scratch> scratches;
  private final int firstArgument;
  private final Object what;

  WinogradStep(
      Kernels kernels,
      Convolution convolution,
      Storage filter,
      WinogradPacking packing,
      List<Part> parts,
      int firstArgument,
      Object what) {
    this.kernel = kernels.winograd();
    this.matmul = kernels.matmul();
    this.convolution = convolution;
    this.filter = filter;
    this.packing = packing;
    this.parts = List.copyOf(parts);
    this.scratches =
        parts.stream()
            .map(part -> Scratch.ofPart(convolution, part.rows, channels(part) * Float.BYTES))
            .toList();
    this.firstArgument = firstArgument;
    this.what = what;
    convolution.x.checkBounds(convolution.count, what);
    convolution.y.checkBounds(convolution.count, what);
  }

  /** Of a row of a panel, in bytes. */
  private long panelWidth() {
    return (long) packing.width() * Float.BYTES;
  }

  /** Of the result. */
  private long channels(Part part) {
    return part.panels * packing.width();
  }

  @Override
  public int parts() {
    return parts.size();
  }

  @Override
  public void prepare(Run run) {
    for (int i = 0; i < parts.size(); i++) {
      var scratch = scratches.get(i);
      var x = convolution.x;
      var y = convolution.y;
      long channels = channels(parts.get(i));
      long at = at(i);
      run.set(at + WinogradKernel.PLANE_STRIDE, scratch.plane);
      run.set(at + WinogradKernel.PLANE_ADVANCE, LINE);
      run.set(at + WinogradKernel.ROW_STRIDE, scratch.paddedRow);
      run.set(at + WinogradKernel.PIXEL_STRIDE, x.pixelBytes());
      run.set(at + WinogradKernel.PICTURE_ADVANCE, x.pixelBytes());
      run.set(at + WinogradKernel.VECTORS, x.channels / LANES);
      long results = at + RESULTS_AT;
      run.set(results + WinogradKernel.PLANE_STRIDE, scratch.sumPlane);
      run.set(results + WinogradKernel.PLANE_ADVANCE, LINE);
      run.set(results + WinogradKernel.VECTORS, channels / LANES);
      run.set(
          results + WinogradKernel.RESULT_ADVANCE,
          RESULTS * y.pixelStride - channels * Float.BYTES);
      long product = at + MATMUL_AT;
      run.set(product + MatmulKernel.K, x.channels);
      run.set(product + MatmulKernel.A_ROW_STRIDE, scratch.tile);
      run.set(product + MatmulKernel.A_COLUMN_STRIDE, Float.BYTES);
      run.set(product + MatmulKernel.B_ROW_STRIDE, panelWidth());
      run.set(product + MatmulKernel.B_BLOCK_STRIDE, packing.panelBytes());
      run.set(product + MatmulKernel.C_ROW_STRIDE, scratch.sum);
      run.set(product + MatmulKernel.ADDS, 0);
    }
  }

  @Override
  public void run(Run run, int index) {
    new Share(run, index).compute();
  }

  /** One thread's part of a run. */
  private final class Share {
    private final Run run;
    private final Part part;
    private final Scratch scratch;
    private final MemorySegment memory;

    /** Of the memory. */
    private final long address;

    /** Where the arguments of the two transforms and of the product begin. */
    private final long pixels;

    private final long results;
    private final long product;

    Share(Run run, int index) {
      this.run = run;
      this.part = parts.get(index);
      this.scratch = scratches.get(index);
      this.memory = Scratchpad.take(scratch.bytes());
      this.address = memory.address();
      this.pixels = at(index);
      this.results = pixels + RESULTS_AT;
      this.product = pixels + MATMUL_AT;
    }

    void compute() {
      long end = part.firstRow + part.rows;
      for (long row = part.firstRow; row < end; ) {
        long picture = row / convolution.tileRows();
        long first = row % convolution.tileRows();
        long rows = Math.min(Math.min(scratch.rows, end - row), convolution.tileRows() - first);
        pad(picture, first, rows);
        pixels(rows);
        multiply(rows);
        results(picture, first, rows);
        row += rows;
      }
    }

    /** Copies what the rows of tiles see, with zeros around the picture. */
    private void pad(long picture, long first, long rows) {
      var x = convolution.x;
      var from = run.memory(x.storage);
      long left = convolution.left * x.pixelBytes();
      long inside = x.columns * x.pixelBytes();
      for (long i = 0; i < RESULTS * rows + PIXELS - RESULTS; i++) {
        long row = RESULTS * first + i - convolution.top;
        long start = i * scratch.paddedRow;
        if (row < 0 || row >= x.rows) {
          zero(start, scratch.paddedRow);
          continue;
        }
        zero(start, left);
        copy(from, x.at(picture, row, 0), start + left);
        zero(start + left + inside, scratch.paddedRow - left - inside);
      }
    }

    private void zero(long start, long bytes) {
      memory.asSlice(start, bytes).fill((byte) 0);
    }

    /** A row of a picture. */
    private void copy(MemorySegment from, long start, long to) {
      var x = convolution.x;
      long pixel = x.pixelBytes();
      if (x.pixelStride == pixel) {
        MemorySegment.copy(from, start, memory, to, x.columns * pixel);
        return;
      }
      for (long column = 0; column < x.columns; column++) {
        MemorySegment.copy(
            from, start + column * x.pixelStride, memory, to + column * pixel, pixel);
      }
    }

    private void pixels(long rows) {
      long row = convolution.tileColumns() * scratch.tile;
      for (long i = 0; i < rows; i++) {
        run.set(pixels + WinogradKernel.TILES, convolution.tileColumns());
        run.set(pixels + WinogradKernel.PICTURE, address + RESULTS * i * scratch.paddedRow);
        run.set(pixels + WinogradKernel.PLANE, address + scratch.planes() + i * row);
        kernel.pixels(run.argumentAddress(pixels));
      }
    }

    private void multiply(long rows) {
      long tiles = rows * convolution.tileColumns();
      long filters = run.packed(filter, 0, packing) + part.firstPanel * packing.panelBytes();
      long before = part.panels - 1;
      long last = before * packing.panelBytes();
      run.set(product + MatmulKernel.M, tiles);
      // Each of the kernel's blocks fetches its share of the panel that comes next.
      run.set(
          product + MatmulKernel.AHEAD_STRIDE, Math.ceilDiv(panelWidth(), matmul.blocks(tiles)));
      for (int plane = 0; plane < PLANES; plane++) {
        run.set(product + MatmulKernel.A, address + scratch.planes() + plane * scratch.plane);
        long b = filters + plane * packing.planeBytes();
        long c = address + scratch.sums() + plane * scratch.sumPlane;
        if (before > 0) multiply(before, b, packing.panelBytes(), c);
        multiply(1, b + last, packing.planeBytes() - last, c + before * panelWidth());
      }
    }

    /**
     * The tiles of a plane by some panels.
     *
     * @param ahead to what is read after the first of them
     */
    private void multiply(long panels, long b, long ahead, long c) {
      run.set(product + MatmulKernel.N, panels * packing.width());
      run.set(product + MatmulKernel.B, b);
      run.set(product + MatmulKernel.AHEAD, ahead);
      run.set(product + MatmulKernel.C, c);
      matmul.run(run.argumentAddress(product));
    }

    private void results(long picture, long first, long rows) {
      var y = convolution.y;
      long channels = run.address(y.storage) + part.firstPanel * panelWidth();
      long whole = y.columns / RESULTS;
      for (long i = 0; i < rows; i++) {
        long top = RESULTS * (first + i);
        long sums = address + scratch.sums() + i * convolution.tileColumns() * scratch.sum;
        long start = channels + y.at(picture, top, 0);
        long down = top + 1 < y.rows ? y.rowStride : 0;
        if (whole > 0) results(whole, sums, start, down, y.pixelStride);
        if (whole < convolution.tileColumns()) {
          long end = start + RESULTS * whole * y.pixelStride;
          results(1, sums + whole * scratch.sum, end, down, 0);
        }
      }
    }

    /**
     * Of tiles beside each other.
     *
     * @param start where the first one goes
     * @param down to a tile's second row, {@code right} to its second column; 0 if it has none
     */
    private void results(long tiles, long sums, long start, long down, long right) {
      run.set(results + WinogradKernel.TILES, tiles);
      run.set(results + WinogradKernel.PLANE, sums);
      run.set(results + WinogradKernel.TOP_LEFT, start);
      run.set(results + WinogradKernel.TOP_RIGHT, start + right);
      run.set(results + WinogradKernel.BOTTOM_LEFT, start + down);
      run.set(results + WinogradKernel.BOTTOM_RIGHT, start + down + right);
      kernel.results(run.argumentAddress(results));
    }
  }

  private long at(int part) {
    return firstArgument + (long) part * ARGUMENTS;
  }

  @Override
  public List<Storage> storages() {
    return List.of(filter, convolution.x.storage, convolution.y.storage);
  }

  @Override
  public String explain() {
    int count = parts.size();
    return "winograd   %s, %d thread%s".formatted(what, count, count == 1 ? "" : "s");
  }
}
