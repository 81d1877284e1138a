package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.StridedCopyKernel;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * A copy element by element, divided along the outermost axis. Where one side begins may be known
 * only when it runs: then each axis has a start among the operands, clamped so that all of it lies
 * inside.
 */
final class StridedCopyStep implements Step {
  /** Elements below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 20_000;

  /** The start along one axis: an integer in memory, at most {@code most}. */
  record Start(Storage storage, long offset, DType dtype, long most, long stride) {
    long elements(Run run) {
      var indices = new Indices(run.memory(storage), dtype, Long.MAX_VALUE, "start");
      long start = indices.unchecked(offset);
      if (dtype == DType.U64 && start < 0) start = most; // Beyond what a long holds.
      return Math.clamp(start, 0, most) * stride;
    }
  }

  private final StridedCopyKernel kernel;
  private final List<Long> sizes;
  private final Movement.Region from;
  private final Movement.Region to;
  private final int parts;
  private final int firstArgument;
  private final List<Start> fromStarts;
  private final List<Start> toStarts;

  StridedCopyStep(
      StridedCopyKernel kernel,
      List<Long> sizes,
      Movement.Region from,
      Movement.Region to,
      List<Start> fromStarts,
      List<Start> toStarts,
      int threads,
      int firstArgument) {
    this.kernel = kernel;
    this.sizes = List.copyOf(sizes);
    this.from = from;
    this.to = to;
    this.firstArgument = firstArgument;
    this.fromStarts = List.copyOf(fromStarts);
    this.toStarts = List.copyOf(toStarts);
    long size = 1;
    for (long s : sizes) size *= s;
    boolean shared = sizes.size() > 1 && size >= WORTH_SHARING;
    this.parts = shared ? (int) Math.min(threads, sizes.getFirst()) : 1;
    check(from, fromStarts);
    check(to, toStarts);
  }

  private void check(Movement.Region region, List<Start> starts) {
    long low = 0;
    long high = 0;
    for (var start : starts) {
      low += Math.min(start.most * start.stride, 0);
      high += Math.max(start.most * start.stride, 0);
    }
    region.check(sizes, kernel.elementBytes(), low, high);
  }

  @Override
  public int parts() {
    return parts;
  }

  @Override
  public void run(Run run, int part) {
    int outer = sizes.size() - 1;
    long each = outer == 0 ? 0 : Math.ceilDiv(sizes.getFirst(), parts);
    long first = each * part;
    long count = outer == 0 ? 0 : Math.min(each, sizes.getFirst() - first);
    if (outer > 0 && count <= 0) return;
    long at = firstArgument + (long) part * kernel.argumentCount();
    run.set(at, sizes.getLast());
    for (int loop = 0; loop < outer; loop++) {
      run.set(at + 1 + loop, loop == 0 ? count : sizes.get(loop));
    }
    bind(run, at + kernel.sourceArgument(), from, fromStarts, first);
    bind(run, at + kernel.targetArgument(), to, toStarts, first);
    kernel.run(run.argumentAddress(at));
  }

  private void bind(Run run, long at, Movement.Region region, List<Start> starts, long first) {
    int bytes = kernel.elementBytes();
    int outer = sizes.size() - 1;
    long start = region.offset() + (outer == 0 ? 0 : first * region.strides().getFirst());
    for (var each : starts) start += each.elements(run);
    run.set(at, run.address(region.storage()) + start * bytes);
    run.set(at + 1, region.strides().getLast() * bytes);
    for (int loop = 0; loop < outer; loop++) {
      // The loop inside ends its size times its stride further.
      long inside = sizes.get(loop + 1) * region.strides().get(loop + 1);
      run.set(at + 2 + loop, (region.strides().get(loop) - inside) * bytes);
    }
  }

  @Override
  public List<Storage> storages() {
    var all = new ArrayList<Storage>();
    all.add(from.storage());
    all.add(to.storage());
    for (var start : fromStarts) all.add(start.storage);
    for (var start : toStarts) all.add(start.storage);
    return all;
  }

  @Override
  public String explain() {
    return "copy       %s elements of %d B, %d threads"
        .formatted(sizes, kernel.elementBytes(), parts);
  }
}
