package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.StridedCopyKernel;
import java.util.List;

/** A copy element by element, divided along the outermost axis. */
final class StridedCopyStep implements Step {
  /** Elements below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 20_000;

  private final StridedCopyKernel kernel;
  private final List<Long> sizes;
  private final Movement.Region from;
  private final Movement.Region to;
  private final int parts;
  private final int firstArgument;

  StridedCopyStep(
      StridedCopyKernel kernel,
      List<Long> sizes,
      Movement.Region from,
      Movement.Region to,
      int threads,
      int firstArgument) {
    this.kernel = kernel;
    this.sizes = List.copyOf(sizes);
    this.from = from;
    this.to = to;
    this.firstArgument = firstArgument;
    long size = 1;
    for (long s : sizes) size *= s;
    boolean shared = sizes.size() > 1 && size >= WORTH_SHARING;
    this.parts = shared ? (int) Math.min(threads, sizes.getFirst()) : 1;
    check(from);
    check(to);
  }

  private void check(Movement.Region region) {
    long low = region.offset();
    long high = region.offset();
    for (int axis = 0; axis < sizes.size(); axis++) {
      long reach = (sizes.get(axis) - 1) * region.strides().get(axis);
      low += Math.min(reach, 0);
      high += Math.max(reach, 0);
    }
    if (low < 0 || (high + 1) * kernel.elementBytes() > region.storage().bytes) {
      throw new IllegalStateException(
          "a copy would reach elements %d to %d of %d bytes"
              .formatted(low, high, region.storage().bytes));
    }
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
    bind(run, at + kernel.sourceArgument(), from, first);
    bind(run, at + kernel.targetArgument(), to, first);
    kernel.run(run.argumentAddress(at));
  }

  private void bind(Run run, long at, Movement.Region region, long first) {
    int bytes = kernel.elementBytes();
    int outer = sizes.size() - 1;
    long start = region.offset() + (outer == 0 ? 0 : first * region.strides().getFirst());
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
    return List.of(from.storage(), to.storage());
  }

  @Override
  public String explain() {
    return "copy       %s elements of %d B, %d threads"
        .formatted(sizes, kernel.elementBytes(), parts);
  }
}
