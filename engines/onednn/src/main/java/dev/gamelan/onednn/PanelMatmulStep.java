package dev.gamelan.onednn;

import dev.gamelan.onednn.MatmulStep.Matrix;
import dev.gamelan.onednn.kernel.MatmulKernel;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/**
 * The product of f32 with weights that last, by our own kernel, divided among the threads. Weights
 * are read in panels; of A so much is taken at once that it stays in the cache meanwhile.
 */
final class PanelMatmulStep implements Step {
  /**
   * What one thread does.
   *
   * @param panel of the weights, the first
   * @param copy where A is read from, if not from where it lies
   */
  record Part(Matrix a, Matrix c, long panel, Optional<Storage> copy) {}

  /** Half of the second level's cache, as most CPUs have it. */
  private static final long CACHED_BYTES = 1 << 19;

  /** Products that are summed up before they are added to others, which keeps sums precise. */
  private static final long MOST_DEPTH = 768;

  private static final long LINE = 64;

  /** How many bytes ahead weights are fetched that are read once. */
  private static final long SOON = 1 << 13;

  /** Rows that far from each other lie in the same sets of the first level's cache. */
  private static final long SAME_SET = 1 << 12;

  /** And find room there if they are no more than these. */
  private static final long FEW_ROWS = 4;

  /** How much of A is multiplied at once. */
  private record Block(long rows, long depth) {
    static Block of(Matrix a, MatmulKernel kernel) {
      long depth = even(a.columns(), MOST_DEPTH);
      long rows = even(a.rows(), CACHED_BYTES / (depth * Float.BYTES));
      return new Block(Math.ceilDiv(rows, (long) kernel.blockRows()) * kernel.blockRows(), depth);
    }

    /** The size of as few pieces as there can be. */
    private static long even(long size, long most) {
      return Math.ceilDiv(size, Math.ceilDiv(size, most));
    }

    long rowBytes() {
      return depth * Float.BYTES;
    }

    long copyStride() {
      return rowBytes() + LINE;
    }
  }

  private final MatmulKernel kernel;
  private final Matrix weights;
  private final Packing.Panels packing;
  private final List<Part> parts;
  private final List<Block> blocks;
  private final int firstArgument;
  private final Object what;

  /**
   * @param weights where they lie before they are packed
   */
  PanelMatmulStep(
      MatmulKernel kernel,
      Matrix weights,
      Packing.Panels packing,
      List<Part> parts,
      int firstArgument,
      Object what) {
    this.kernel = kernel;
    this.weights = weights;
    this.packing = packing;
    this.parts = List.copyOf(parts);
    this.blocks = parts.stream().map(part -> Block.of(part.a, kernel)).toList();
    this.firstArgument = firstArgument;
    this.what = what;
    weights.checkBounds(what);
    for (var part : parts) {
      part.a.checkBounds(what);
      part.c.checkBounds(what);
      boolean fits = part.panel * kernel.blockColumns() + part.c.columns() <= weights.columns();
      if (!fits) throw new IllegalStateException(what + " has not so many columns");
      if (part.copy.isPresent() && part.copy.get().bytes < copyBytes(part.a, kernel)) {
        throw new IllegalStateException(what + " has no room for its rows");
      }
    }
  }

  /** What a copy of a block of A takes; 0 where its rows do not drive each other from the cache. */
  static long copyBytes(Matrix a, MatmulKernel kernel) {
    boolean inRows = a.columnStride() == Float.BYTES && a.rows() > FEW_ROWS;
    boolean collide = inRows && a.rowStride() % SAME_SET == 0;
    var block = Block.of(a, kernel);
    return collide ? block.rows * block.copyStride() : 0;
  }

  @Override
  public int parts() {
    return parts.size();
  }

  @Override
  public void prepare(Run run) {
    long width = (long) kernel.blockColumns() * Float.BYTES;
    for (int i = 0; i < parts.size(); i++) {
      var part = parts.get(i);
      var block = blocks.get(i);
      long at = at(i);
      run.set(at + MatmulKernel.N, part.c.columns());
      run.set(
          at + MatmulKernel.A_ROW_STRIDE,
          part.copy.isPresent() ? block.copyStride() : part.a.rowStride());
      run.set(at + MatmulKernel.A_COLUMN_STRIDE, part.a.columnStride());
      run.set(at + MatmulKernel.B_ROW_STRIDE, width);
      run.set(at + MatmulKernel.B_BLOCK_STRIDE, packing.stride());
      // Each of the kernel's blocks fetches its share of the next panel; one alone what comes soon.
      long blocks = kernel.blocks(Math.min(block.rows, part.c.rows()));
      run.set(at + MatmulKernel.AHEAD, blocks == 1 ? SOON : packing.stride());
      run.set(at + MatmulKernel.AHEAD_STRIDE, Math.ceilDiv(width, blocks));
      run.set(at + MatmulKernel.C_ROW_STRIDE, part.c.rowStride());
    }
  }

  @Override
  public void run(Run run, int index) {
    var part = parts.get(index);
    var block = blocks.get(index);
    long at = at(index);
    long width = (long) kernel.blockColumns() * Float.BYTES;
    long b =
        run.packed(weights.storage(), weights.offset(), packing) + part.panel * packing.stride();
    long c = run.address(part.c.storage()) + part.c.offset();
    for (long row = 0; row < part.c.rows(); row += block.rows) {
      long rows = Math.min(block.rows, part.c.rows() - row);
      run.set(at + MatmulKernel.M, rows);
      run.set(at + MatmulKernel.C, c + row * part.c.rowStride());
      for (long k = 0; k < part.a.columns(); k += block.depth) {
        long depth = Math.min(block.depth, part.a.columns() - k);
        long start = part.a.offset() + row * part.a.rowStride() + k * part.a.columnStride();
        run.set(at + MatmulKernel.K, depth);
        run.set(at + MatmulKernel.A, a(run, part, block, start, rows, depth));
        run.set(at + MatmulKernel.B, b + k * width);
        run.set(at + MatmulKernel.ADDS, k);
        kernel.run(run.argumentAddress(at));
      }
    }
  }

  /** The address of some of A that begins at byte {@code start}. */
  private static long a(Run run, Part part, Block block, long start, long rows, long depth) {
    if (part.copy.isEmpty()) return run.address(part.a.storage()) + start;
    var from = run.memory(part.a.storage());
    var to = run.memory(part.copy.get());
    for (long row = 0; row < rows; row++) {
      MemorySegment.copy(
          from,
          start + row * part.a.rowStride(),
          to,
          row * block.copyStride(),
          depth * Float.BYTES);
    }
    return to.address();
  }

  private long at(int part) {
    return firstArgument + (long) part * MatmulKernel.ARGUMENTS;
  }

  @Override
  public List<Storage> storages() {
    var result = new LinkedHashSet<>(List.of(weights.storage()));
    for (var part : parts) {
      result.addAll(List.of(part.a.storage(), part.c.storage()));
      part.copy.ifPresent(result::add);
    }
    return List.copyOf(result);
  }

  @Override
  public String explain() {
    int count = parts.size();
    return "matmul     %s, packed weights, %d thread%s"
        .formatted(what, count, count == 1 ? "" : "s");
  }
}
