package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.ElementType;
import dev.gamelan.onednn.kernel.Kernel;
import dev.gamelan.onednn.kernel.KernelBuilder;
import dev.gamelan.onednn.kernel.Operand;
import dev.gamelan.onednn.kernel.TransposeKernel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Copies between strides as steps: by vectors where both sides are dense along the innermost axis,
 * else element by element.
 */
final class Movement {
  /** Where elements lie: an offset and strides over the axes of what is copied, in elements. */
  record Region(Storage storage, long offset, List<Long> strides) {
    Region {
      strides = List.copyOf(strides);
    }

    /** That every element of {@code sizes} lies inside of the storage. */
    void check(List<Long> sizes, int bytes) {
      check(sizes, bytes, 0, 0);
    }

    /**
     * @param below how many elements before the offset it may begin
     * @param beyond how many after it
     */
    void check(List<Long> sizes, int bytes, long below, long beyond) {
      long low = offset + below;
      long high = offset + beyond;
      for (int axis = 0; axis < sizes.size(); axis++) {
        long reach = (sizes.get(axis) - 1) * strides.get(axis);
        low += Math.min(reach, 0);
        high += Math.max(reach, 0);
      }
      if (low < 0 || (high + 1) * bytes > storage.bytes) {
        throw new IllegalStateException(
            "a copy would reach elements %d to %d of %d bytes".formatted(low, high, storage.bytes));
      }
    }
  }

  private final Lowering lowering;
  private final Kernels kernels;

  Movement(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /** Adds the step that copies elements of {@code bytes} over {@code dims}; none of nothing. */
  void copy(int bytes, List<Long> dims, Region from, Region to) {
    if (dims.contains(0L)) return;
    var sizes = new ArrayList<Long>();
    var source = new ArrayList<Long>();
    var target = new ArrayList<Long>();
    for (int axis = 0; axis < dims.size(); axis++) {
      long size = dims.get(axis);
      if (size == 1) continue;
      int last = sizes.size() - 1;
      boolean merges =
          last >= 0
              && source.get(last) == from.strides.get(axis) * size
              && target.get(last) == to.strides.get(axis) * size;
      if (merges) {
        sizes.set(last, sizes.get(last) * size);
        source.set(last, from.strides.get(axis));
        target.set(last, to.strides.get(axis));
      } else {
        sizes.add(size);
        source.add(from.strides.get(axis));
        target.add(to.strides.get(axis));
      }
    }
    if (sizes.isEmpty()) {
      sizes.add(1L);
      source.add(1L);
      target.add(1L);
    }
    var read = new Region(from.storage, from.offset, source);
    var written = new Region(to.storage, to.offset, target);
    boolean dense = source.getLast() <= 1 && source.getLast() >= 0 && target.getLast() == 1;
    if (dense && (bytes <= 4 || source.getLast() == 1)) vectors(bytes, sizes, read, written);
    else elements(bytes, sizes, read, written);
  }

  private void vectors(int bytes, List<Long> sizes, Region from, Region to) {
    var type =
        switch (bytes) {
          case 1 -> ElementType.U8;
          case 2 -> ElementType.U16;
          default -> ElementType.I32; // Of 8 bytes two.
        };
    var builder = new KernelBuilder(kernels.isa(), sizes.size() - 1, false);
    boolean repeats = from.strides.getLast() == 0;
    int in = builder.operand(type, repeats ? Operand.Access.ROW : Operand.Access.ELEMENTS);
    int out = builder.operand(type, Operand.Access.ELEMENTS);
    builder.store(out, builder.load(in));
    Kernel kernel = builder.finish();
    var outer = sizes.subList(0, sizes.size() - 1).stream().mapToLong(Long::longValue).toArray();
    long length = sizes.getLast() * Math.max(bytes / 4, 1);
    lowering.step(
        new KernelStep(
            kernels.compiled(kernel),
            Optional.empty(),
            length,
            outer,
            List.of(bound(from, bytes, type), bound(to, bytes, type)),
            kernels.threads(),
            lowering.reserveArguments(kernel.argumentCount() * kernels.threads()),
            "copy"));
  }

  private static KernelStep.Bound bound(Region region, int bytes, ElementType type) {
    var strides = new ArrayList<Long>();
    for (long stride : region.strides.subList(0, region.strides.size() - 1)) {
      strides.add(stride * bytes);
    }
    long inner = region.strides.getLast() * type.bytes();
    return new KernelStep.Bound(region.storage, region.offset * bytes, strides, inner);
  }

  private void elements(int bytes, List<Long> sizes, Region from, Region to) {
    if (bytes == 4) {
      int reserved = lowering.reserveArguments(TransposeKernel.ARGUMENTS * kernels.threads());
      var step =
          TransposeStep.of(kernels.transpose(), sizes, from, to, kernels.threads(), reserved);
      if (step.isPresent()) {
        lowering.step(step.get());
        return;
      }
    }
    var kernel = kernels.stridedCopy(bytes, sizes.size() - 1);
    int arguments = lowering.reserveArguments(kernel.argumentCount() * kernels.threads());
    lowering.step(
        new StridedCopyStep(
            kernel, sizes, from, to, List.of(), List.of(), kernels.threads(), arguments));
  }

  /** Adds a copy that begins where {@code starts} say, on the one side or the other. */
  void copyAt(
      int bytes,
      List<Long> dims,
      Region from,
      Region to,
      List<StridedCopyStep.Start> fromStarts,
      List<StridedCopyStep.Start> toStarts) {
    if (dims.contains(0L)) return;
    // A scalar is one element of one row.
    boolean scalar = dims.isEmpty();
    var sizes = scalar ? List.of(1L) : dims;
    var source = scalar ? new Region(from.storage, from.offset, List.of(1L)) : from;
    var target = scalar ? new Region(to.storage, to.offset, List.of(1L)) : to;
    var kernel = kernels.stridedCopy(bytes, sizes.size() - 1);
    int arguments = lowering.reserveArguments(kernel.argumentCount() * kernels.threads());
    lowering.step(
        new StridedCopyStep(
            kernel, sizes, source, target, fromStarts, toStarts, kernels.threads(), arguments));
  }
}
