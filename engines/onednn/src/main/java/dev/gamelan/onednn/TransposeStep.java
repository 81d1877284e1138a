package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.TransposeKernel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A copy whose source is dense along one axis and whose target along another: matrices in turn. */
final class TransposeStep implements Step {
  private static final int BYTES = 4;

  /** Elements below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 20_000;

  private final TransposeKernel kernel;
  private final List<Long> sizes;
  private final Movement.Region from;
  private final Movement.Region to;
  private final int rows;
  private final int columns;
  private final List<Integer> outer = new ArrayList<>();
  private final long matrices;
  private final int parts;
  private final int firstArgument;

  private TransposeStep(
      TransposeKernel kernel,
      List<Long> sizes,
      Movement.Region from,
      Movement.Region to,
      int rows,
      int threads,
      int firstArgument) {
    this.kernel = kernel;
    this.sizes = List.copyOf(sizes);
    this.from = from;
    this.to = to;
    this.rows = rows;
    this.columns = sizes.size() - 1;
    this.firstArgument = firstArgument;
    long count = 1;
    for (int axis = 0; axis < sizes.size(); axis++) {
      if (axis == rows || axis == columns) continue;
      outer.add(axis);
      count *= sizes.get(axis);
    }
    this.matrices = count;
    long elements = count * sizes.get(rows) * sizes.get(columns);
    long divisible = dividesMatrices(threads) ? count : sizes.get(rows) / TransposeKernel.TILE;
    this.parts = elements < WORTH_SHARING ? 1 : (int) Math.min(threads, divisible);
    from.check(sizes, BYTES);
    to.check(sizes, BYTES);
  }

  /** The step, where there is an axis that the source is dense along and tiles fit. */
  static Optional<TransposeStep> of(
      TransposeKernel kernel,
      List<Long> sizes,
      Movement.Region from,
      Movement.Region to,
      int threads,
      int firstArgument) {
    int last = sizes.size() - 1;
    int rows = from.strides().indexOf(1L);
    boolean tiles =
        rows >= 0
            && rows < last
            && to.strides().get(last) == 1
            && sizes.get(rows) >= TransposeKernel.TILE
            && sizes.get(last) >= TransposeKernel.TILE;
    return tiles
        ? Optional.of(new TransposeStep(kernel, sizes, from, to, rows, threads, firstArgument))
        : Optional.empty();
  }

  private boolean dividesMatrices(int threads) {
    return matrices >= threads;
  }

  @Override
  public int parts() {
    return parts;
  }

  @Override
  public void prepare(Run run) {
    for (int part = 0; part < parts; part++) {
      long at = at(part);
      run.set(at + TransposeKernel.SOURCE_STRIDE, from.strides().get(columns) * BYTES);
      run.set(at + TransposeKernel.TARGET_STRIDE, to.strides().get(rows) * BYTES);
      run.set(at + TransposeKernel.TARGET_ROWS, lastRow(part) - firstRow(part));
      run.set(at + TransposeKernel.TARGET_COLUMNS, sizes.get(columns));
    }
  }

  @Override
  public void run(Run run, int part) {
    boolean byMatrix = dividesMatrices(parts);
    long begin = byMatrix ? matrices * part / parts : 0;
    long end = byMatrix ? matrices * (part + 1) / parts : matrices;
    long at = at(part);
    long source = run.address(from.storage()) + BYTES * (from.offset() + firstRow(part));
    long target =
        run.address(to.storage()) + BYTES * (to.offset() + firstRow(part) * to.strides().get(rows));
    for (long matrix = begin; matrix < end; matrix++) {
      run.set(at + TransposeKernel.SOURCE, source + BYTES * start(matrix, from));
      run.set(at + TransposeKernel.TARGET, target + BYTES * start(matrix, to));
      kernel.run(run.argumentAddress(at));
    }
  }

  private long at(int part) {
    return firstArgument + (long) part * TransposeKernel.ARGUMENTS;
  }

  /** Of the rows of each matrix, those of a part; all of them where parts have matrices. */
  private long firstRow(int part) {
    if (dividesMatrices(parts)) return 0;
    return sizes.get(rows) / TransposeKernel.TILE * part / parts * TransposeKernel.TILE;
  }

  private long lastRow(int part) {
    boolean toTheEnd = dividesMatrices(parts) || part == parts - 1;
    return toTheEnd ? sizes.get(rows) : firstRow(part + 1);
  }

  private long start(long matrix, Movement.Region region) {
    long start = 0;
    long rest = matrix;
    for (int axis : outer.reversed()) {
      start += rest % sizes.get(axis) * region.strides().get(axis);
      rest /= sizes.get(axis);
    }
    return start;
  }

  @Override
  public List<Storage> storages() {
    return List.of(from.storage(), to.storage());
  }

  @Override
  public String explain() {
    return "transpose  %s elements of %d B, %d thread%s"
        .formatted(sizes, BYTES, parts, parts == 1 ? "" : "s");
  }
}
