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
      run.set(at + WinogradKernel.TILES, convolution.tileColumns());
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
    var part = parts.get(index);
    var memory = Scratchpad.take(scratches.get(index).bytes());
    long end = part.firstRow + part.rows;
    for (long row = part.firstRow; row < end; ) {
      long picture = row / convolution.tileRows();
      long first = row % convolution.tileRows();
      long rows =
          Math.min(Math.min(scratches.get(index).rows, end - row), convolution.tileRows() - first);
      pad(run, index, memory, picture, first, rows);
      pixels(run, index, memory.address(), rows);
      multiply(run, index, memory.address(), rows);
      results(run, index, memory.address(), picture, first, rows);
      row += rows;
    }
  }

  /** Copies what the rows of tiles see, with zeros around the picture. */
  private void pad(Run run, int index, MemorySegment to, long picture, long first, long rows) {
    var x = convolution.x;
    var scratch = scratches.get(index);
    var from = run.memory(x.storage);
    long pixel = x.pixelBytes();
    long left = convolution.left * pixel;
    long inside = x.columns * pixel;
    for (long i = 0; i < RESULTS * rows + PIXELS - RESULTS; i++) {
      long row = RESULTS * first + i - convolution.top;
      long start = i * scratch.paddedRow;
      if (row < 0 || row >= x.rows) {
        to.asSlice(start, scratch.paddedRow).fill((byte) 0);
        continue;
      }
      to.asSlice(start, left).fill((byte) 0);
      if (x.pixelStride == pixel) {
        MemorySegment.copy(from, x.at(picture, row, 0), to, start + left, inside);
      } else {
        for (long column = 0; column < x.columns; column++) {
          long at = start + left + column * pixel;
          MemorySegment.copy(from, x.at(picture, row, column), to, at, pixel);
        }
      }
      to.asSlice(start + left + inside, scratch.paddedRow - left - inside).fill((byte) 0);
    }
  }

  private void pixels(Run run, int index, long memory, long rows) {
    var scratch = scratches.get(index);
    long at = at(index);
    long row = convolution.tileColumns() * scratch.tile;
    for (long i = 0; i < rows; i++) {
      run.set(at + WinogradKernel.TILES, convolution.tileColumns());
      run.set(at + WinogradKernel.PICTURE, memory + RESULTS * i * scratch.paddedRow);
      run.set(at + WinogradKernel.PLANE, memory + scratch.planes() + i * row);
      kernel.pixels(run.argumentAddress(at));
    }
  }

  private void multiply(Run run, int index, long memory, long rows) {
    var part = parts.get(index);
    var scratch = scratches.get(index);
    long tiles = rows * convolution.tileColumns();
    long filters = run.packed(filter, 0, packing) + part.firstPanel * packing.panelBytes();
    long before = part.panels - 1;
    long last = before * packing.panelBytes();
    long at = at(index) + MATMUL_AT;
    run.set(at + MatmulKernel.M, tiles);
    // Each of the kernel's blocks fetches its share of the panel that comes next.
    run.set(at + MatmulKernel.AHEAD_STRIDE, Math.ceilDiv(panelWidth(), matmul.blocks(tiles)));
    for (int plane = 0; plane < PLANES; plane++) {
      run.set(at + MatmulKernel.A, memory + scratch.planes() + plane * scratch.plane);
      long b = filters + plane * packing.planeBytes();
      long c = memory + scratch.sums() + plane * scratch.sumPlane;
      if (before > 0) multiply(run, at, before, b, packing.panelBytes(), c);
      multiply(run, at, 1, b + last, packing.planeBytes() - last, c + before * panelWidth());
    }
  }

  /**
   * The tiles of a plane by some panels.
   *
   * @param ahead to what is read after the first of them
   */
  private void multiply(Run run, long at, long panels, long b, long ahead, long c) {
    run.set(at + MatmulKernel.N, panels * packing.width());
    run.set(at + MatmulKernel.B, b);
    run.set(at + MatmulKernel.AHEAD, ahead);
    run.set(at + MatmulKernel.C, c);
    matmul.run(run.argumentAddress(at));
  }

  private void results(Run run, int index, long memory, long picture, long first, long rows) {
    var y = convolution.y;
    var scratch = scratches.get(index);
    long address = run.address(y.storage) + parts.get(index).firstPanel * panelWidth();
    long at = at(index) + RESULTS_AT;
    long whole = y.columns / RESULTS;
    for (long i = 0; i < rows; i++) {
      long top = RESULTS * (first + i);
      long sums = memory + scratch.sums() + i * convolution.tileColumns() * scratch.sum;
      run.set(at + WinogradKernel.PLANE, sums);
      long start = address + y.at(picture, top, 0);
      long down = top + 1 < y.rows ? y.rowStride : 0;
      if (whole > 0) results(run, at, whole, start, down, y.pixelStride);
      if (whole < convolution.tileColumns()) {
        run.set(at + WinogradKernel.PLANE, sums + whole * scratch.sum);
        results(run, at, 1, start + RESULTS * whole * y.pixelStride, down, 0);
      }
    }
  }

  /**
   * Of tiles beside each other.
   *
   * @param down to a tile's second row, {@code right} to its second column; 0 if it has none
   */
  private void results(Run run, long at, long tiles, long start, long down, long right) {
    run.set(at + WinogradKernel.TILES, tiles);
    run.set(at + WinogradKernel.TOP_LEFT, start);
    run.set(at + WinogradKernel.TOP_RIGHT, start + right);
    run.set(at + WinogradKernel.BOTTOM_LEFT, start + down);
    run.set(at + WinogradKernel.BOTTOM_RIGHT, start + down + right);
    kernel.results(run.argumentAddress(at));
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
