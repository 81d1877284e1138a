package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.QuantizedGemvKernel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Rows of x times rows of 4-bit weights, whose slices are divided among the threads. */
final class QuantizedGemvStep implements Step {
  /** Weights below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 250_000;

  /**
   * Threads take slices in turns, so that each reads what lies together: halves far apart meet in
   * the same banks of memory. A slice stays in the cache for the next row of x.
   */
  private static final long SLICE_BYTES = 1 << 20;

  /**
   * @param rows of x
   * @param outputs rows of the weights
   * @param columns of both
   */
  record Sizes(long rows, long outputs, long columns, long group) {}

  private final QuantizedGemvKernel kernel;
  private final Sizes sizes;
  private final Storage weights;
  private final Storage scales;
  private final Optional<Storage> zeros;
  private final Storage x;
  private final Storage y;
  private final int parts;
  private final int firstArgument;

  QuantizedGemvStep(
      QuantizedGemvKernel kernel,
      Sizes sizes,
      Storage weights,
      Storage scales,
      Optional<Storage> zeros,
      Storage x,
      Storage y,
      int threads,
      int firstArgument) {
    this.kernel = kernel;
    this.sizes = sizes;
    this.weights = weights;
    this.scales = scales;
    this.zeros = zeros;
    this.x = x;
    this.y = y;
    this.firstArgument = firstArgument;
    boolean shared = sizes.outputs * sizes.columns >= WORTH_SHARING;
    this.parts = shared ? (int) Math.min(threads, sizes.outputs) : 1;
    long groups = sizes.outputs * sizes.columns / sizes.group;
    check(weights, sizes.outputs * sizes.columns / 2);
    check(scales, 4 * groups);
    zeros.ifPresent(storage -> check(storage, 4 * groups));
    check(x, sizes.rows * xBytes());
    check(y, 4 * sizes.rows * sizes.outputs);
  }

  private static void check(Storage storage, long bytes) {
    if (storage.bytes < bytes) {
      throw new IllegalStateException(
          "a product would reach byte %d of %d".formatted(bytes, storage.bytes));
    }
  }

  private long xBytes() {
    return sizes.columns / QuantizedGemvKernel.BLOCK * QuantizedGemvKernel.X_BLOCK;
  }

  @Override
  public int parts() {
    return parts;
  }

  @Override
  public void run(Run run, int part) {
    long groups = sizes.columns / sizes.group;
    long block = QuantizedGemvKernel.BLOCK;
    long at = firstArgument + (long) part * QuantizedGemvKernel.ARGUMENTS;
    run.set(at + QuantizedGemvKernel.STEPS, sizes.columns / Math.max(sizes.group, block));
    run.set(at + QuantizedGemvKernel.BLOCKS, Math.max(sizes.group / block, 1));
    run.set(at + QuantizedGemvKernel.WEIGHT_STRIDE, sizes.columns / 2);
    run.set(at + QuantizedGemvKernel.SCALE_STRIDE, 4 * groups);
    long slice = slice();
    for (long first = part * slice; first < sizes.outputs; first += parts * slice) {
      run.set(at + QuantizedGemvKernel.WEIGHTS, run.address(weights) + first * sizes.columns / 2);
      run.set(at + QuantizedGemvKernel.SCALES, run.address(scales) + 4 * first * groups);
      if (zeros.isPresent()) {
        run.set(at + QuantizedGemvKernel.ZEROS, run.address(zeros.get()) + 4 * first * groups);
      }
      for (long row = 0; row < sizes.rows; row++) {
        run.set(at + QuantizedGemvKernel.ROWS, Math.min(slice, sizes.outputs - first));
        run.set(at + QuantizedGemvKernel.X, run.address(x) + row * xBytes());
        run.set(at + QuantizedGemvKernel.Y, run.address(y) + 4 * (row * sizes.outputs + first));
        kernel.run(run.argumentAddress(at));
      }
    }
  }

  /** Rows of weights that a thread takes at a time. */
  private long slice() {
    long even = Math.ceilDiv(sizes.outputs, parts);
    long rows = Math.min(Math.max(SLICE_BYTES / (sizes.columns / 2), 1), even);
    long together = QuantizedGemvKernel.ROWS_AT_ONCE;
    return Math.ceilDiv(rows, together) * together;
  }

  @Override
  public List<Storage> storages() {
    var all = new ArrayList<>(List.of(weights, scales, x, y));
    zeros.ifPresent(all::add);
    return all;
  }

  @Override
  public String explain() {
    return "4-bit gemv %d rows, %d × %d in groups of %d, %d thread%s"
        .formatted(
            sizes.rows, sizes.outputs, sizes.columns, sizes.group, parts, parts == 1 ? "" : "s");
  }
}
