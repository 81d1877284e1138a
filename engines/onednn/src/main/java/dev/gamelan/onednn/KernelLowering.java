package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.onednn.kernel.CompiledKernel;
import dev.gamelan.onednn.kernel.Kernel;
import dev.gamelan.onednn.kernel.Operand;
import dev.gamelan.onednn.kernel.RowInterleaving;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Turns a unit into one kernel. The domain's axes are merged into as few loops as all operands
 * allow; what does not lie along the row is copied first.
 */
final class KernelLowering {
  /** Elements of a row. */
  private static final long LONGEST_OF_TWO = 2048;

  /** As much as a third-level cache of today holds. */
  private static final long STREAMED_BYTES = 32 << 20;

  /** A read of memory: where it begins, and its strides over the domain's axes, in elements. */
  private record Access(Value base, long offset, List<Long> strides) {}

  /** Where a read finds its elements, which may have been copied. */
  private record Source(Storage storage, long offset, List<Long> strides) {}

  /** The domain's axes from {@code from} to {@code to} as one loop. */
  private record Loop(int from, int to, long size) {
    int last() {
      return to - 1;
    }
  }

  private final Lowering lowering;
  private final Kernels kernels;
  private final Unit unit;
  private final Set<Value> stored;
  private final Map<Access, Source> reads = new LinkedHashMap<>();
  private final List<Loop> loops = new ArrayList<>();

  KernelLowering(Lowering lowering, Kernels kernels, Unit unit, Set<Value> stored) {
    this.lowering = lowering;
    this.kernels = kernels;
    this.unit = unit;
    this.stored = stored;
  }

  void lower() {
    for (var node : unit.nodes) {
      for (var input : node.inputs()) {
        if (isRead(input)) read(access(node, input));
      }
    }
    merge();
    build();
  }

  private boolean isRead(Value input) {
    var base = lowering.view(input).base();
    return !unit.levels.containsKey(base) && lowering.scalar(base).isEmpty();
  }

  /** How {@code node} reads {@code input}, over the whole domain. */
  private Access access(Node node, Value input) {
    var view = lowering.view(input);
    var strides = new ArrayList<>(Fusion.strippedStrides(view));
    boolean reduced =
        !(node.op() instanceof Primitive.Reduce)
            && unit.levels.get(node.result()) == Unit.Level.REDUCED;
    if (reduced) {
      for (int axis = unit.reducedFrom; axis < unit.reducedTo; axis++) strides.add(axis, 0L);
    }
    return new Access(view.base(), view.offset(), strides);
  }

  /** Copies first what a row can't be read from. */
  private void read(Access access) {
    if (reads.containsKey(access)) return;
    var storage = lowering.place(access.base);
    if (fits(access.strides)) {
      reads.put(access, new Source(storage, access.offset, access.strides));
      return;
    }
    var view = new View(access.base, access.offset, access.strides, unit.domain);
    var copy = lowering.temporary(access.base.type().dtype().bytes(unit.domain.size()));
    lowering.copy(view, copy);
    reads.put(access, new Source(copy, 0, unit.strides(Unit.Level.FULL)));
  }

  /** Whether the innermost axis is read element by element or not at all, and blocks are runs. */
  private boolean fits(List<Long> strides) {
    int rank = unit.domain.rank();
    if (rank == 0) return true;
    long inner = strides.get(rank - 1);
    if (inner != 0 && inner != 1) return false;
    return switch (unit.reduction) {
      case NONE -> true;
      case ROWS -> isRun(strides, unit.reducedFrom, rank);
      case COLUMNS ->
          isRun(strides, unit.reducedFrom, unit.reducedTo) && isRun(strides, unit.reducedTo, rank);
    };
  }

  private boolean isRun(List<Long> strides, int from, int to) {
    for (int axis = from; axis + 1 < to; axis++) {
      if (strides.get(axis) != strides.get(axis + 1) * unit.domain.dim(axis + 1)) return false;
    }
    return true;
  }

  // ---- loops

  private void merge() {
    int rank = unit.domain.rank();
    switch (unit.reduction) {
      case NONE -> merge(0, rank);
      case ROWS -> {
        merge(0, unit.reducedFrom);
        merge(unit.reducedFrom, rank);
      }
      case COLUMNS -> {
        merge(0, unit.reducedFrom);
        merge(unit.reducedFrom, unit.reducedTo);
        merge(unit.reducedTo, rank);
      }
    }
  }

  private void merge(int from, int to) {
    int start = from;
    for (int axis = from; axis < to; axis++) {
      if (axis + 1 < to && mergeable(axis)) continue;
      long size = 1;
      for (int i = start; i <= axis; i++) size *= unit.domain.dim(i);
      loops.add(new Loop(start, axis + 1, size));
      start = axis + 1;
    }
  }

  private boolean mergeable(int axis) {
    return reads.values().stream().allMatch(read -> isRun(read.strides, axis, axis + 2))
        && stored.stream().allMatch(value -> isRun(storeStrides(value), axis, axis + 2));
  }

  private List<Long> storeStrides(Value value) {
    return unit.strides(Objects.requireNonNull(unit.levels.get(value)));
  }

  // ---- the kernel

  private void build() {
    if (unit.domain.size() == 0 && stored.stream().allMatch(v -> v.type().size() == 0)) return;
    var outer = loops.isEmpty() ? loops : loops.subList(0, loops.size() - 1);
    long length = loops.isEmpty() ? 1 : loops.getLast().size();
    var bound = new ArrayList<KernelStep.Bound>();
    var recipe = recipe(outer.size(), bound);
    var compiled = kernels.compiled(recipe);
    var kernel = compiled.kernel();
    for (var operand : kernel.operands().subList(bound.size(), kernel.operands().size())) {
      if (operand.access() != Operand.Access.SCRATCH) throw new IllegalStateException("unbound");
      bound.add(scratch(length, outer.size()));
    }
    var sizes = outer.stream().mapToLong(Loop::size).toArray();
    var shared = shared(kernel, bound);
    if (takesTwoRows(kernel, shared, length, sizes)) {
      sizes[sizes.length - 1] /= 2;
      var operands = twoRows(kernel, bound, shared, length, sizes[sizes.length - 1]);
      step(kernels.ofTwoRows(recipe, shared), Optional.empty(), length, sizes, operands);
    } else {
      var streaming =
          streams() ? Optional.of(kernels.streaming(recipe)) : Optional.<CompiledKernel>empty();
      step(compiled, streaming, length, sizes, bound);
    }
  }

  /** Of a result that no cache holds until it is read, nothing should be read before. */
  private boolean streams() {
    return unit.reduction == Unit.Reduction.NONE
        && stored.stream().anyMatch(value -> value.type().bytes() >= STREAMED_BYTES);
  }

  /** What is computed; its operands go to {@code bound}. */
  private KernelRecipe recipe(int outer, List<KernelStep.Bound> bound) {
    var operands = new ArrayList<KernelRecipe.Read>();
    var operandOf = new HashMap<Access, Integer>();
    reads.forEach(
        (access, read) -> {
          var dtype = access.base.type().dtype();
          var bind = bound(dtype, read.storage, read.offset, read.strides);
          operandOf.put(access, operands.size());
          operands.add(new KernelRecipe.Read(dtype, access(bind)));
          bound.add(bind);
        });
    var lines = new ArrayList<KernelRecipe.Line>();
    var lineOf = new HashMap<Value, Integer>();
    for (var node : unit.nodes) {
      var in = new ArrayList<KernelRecipe.Input>();
      for (var input : node.inputs()) in.add(input(node, input, lineOf, operandOf));
      lineOf.put(node.result(), lines.size());
      lines.add(new KernelRecipe.Line(node.op(), node.result().type().dtype(), in));
    }
    var stores = new ArrayList<KernelRecipe.Store>();
    for (var value : stored) {
      var dtype = value.type().dtype();
      var bind = bound(dtype, lowering.place(value), 0, storeStrides(value));
      int line = Objects.requireNonNull(lineOf.get(value));
      stores.add(new KernelRecipe.Store(line, dtype, access(bind)));
      bound.add(bind);
    }
    boolean columns = unit.reduction == Unit.Reduction.COLUMNS;
    return new KernelRecipe(outer, columns, operands, lines, stores);
  }

  private KernelRecipe.Input input(
      Node node, Value input, Map<Value, Integer> lines, Map<Access, Integer> operands) {
    var dtype = input.type().dtype();
    var base = lowering.view(input).base();
    var line = lines.get(base);
    if (line != null) return new KernelRecipe.Computed(line, dtype);
    var scalar = lowering.scalar(base);
    if (scalar.isPresent()) return new KernelRecipe.Constant(scalar.get());
    int operand = Objects.requireNonNull(operands.get(access(node, input)));
    return new KernelRecipe.Loaded(operand, dtype);
  }

  private void step(
      CompiledKernel compiled,
      Optional<CompiledKernel> streaming,
      long length,
      long[] sizes,
      List<KernelStep.Bound> operands) {
    int count = compiled.kernel().argumentCount() * kernels.threads();
    lowering.step(
        new KernelStep(
            compiled,
            streaming,
            length,
            sizes,
            operands,
            kernels.threads(),
            lowering.reserveArguments(count),
            unit));
  }

  /** Rows of the kernel's own, for each thread. */
  private KernelStep.Bound scratch(long length, int outer) {
    long bytes = KernelStep.scratchBytes(Math.max(length, 1)) * kernels.threads();
    return new KernelStep.Bound(lowering.temporary(bytes), 0, Collections.nCopies(outer, 0L), 0);
  }

  // ---- two rows at a time

  /** Of rows that wait for a reduction, and of which two fit the first cache. */
  private boolean takesTwoRows(Kernel kernel, Set<Integer> shared, long length, long[] sizes) {
    if (unit.reduction != Unit.Reduction.ROWS || sizes.length == 0) return false;
    long rows = sizes[sizes.length - 1];
    boolean divides = rows % 2 == 0 && (sizes.length > 1 || rows >= 2L * kernels.threads());
    boolean waits = kernel.phases().size() > 1 && length <= LONGEST_OF_TWO;
    return divides && waits && RowInterleaving.fits(kernel, 2, shared);
  }

  /** The operands that go back to the same elements for each row. */
  private static Set<Integer> shared(Kernel kernel, List<KernelStep.Bound> bound) {
    var shared = new HashSet<Integer>();
    for (int i = 0; i < bound.size(); i++) {
      var strides = bound.get(i).strides();
      if (!isScratch(kernel, i) && !strides.isEmpty() && strides.getLast() == 0) shared.add(i);
    }
    return shared;
  }

  private static boolean isScratch(Kernel kernel, int operand) {
    return kernel.operands().get(operand).access() == Operand.Access.SCRATCH;
  }

  /** Those of the first half of the rows, and those of the second: two long streams of memory. */
  private List<KernelStep.Bound> twoRows(
      Kernel kernel, List<KernelStep.Bound> bound, Set<Integer> shared, long length, long half) {
    var operands = new ArrayList<>(bound);
    for (int i = 0; i < bound.size(); i++) {
      var operand = bound.get(i);
      if (isScratch(kernel, i)) operands.add(scratch(length, operand.strides().size()));
      else if (!shared.contains(i)) operands.add(operand.fromRow(half));
    }
    return operands;
  }

  private KernelStep.Bound bound(DType dtype, Storage storage, long offset, List<Long> strides) {
    int bytes = dtype.bits() / 8;
    var outer = new ArrayList<Long>();
    for (var loop : loops.subList(0, Math.max(loops.size() - 1, 0))) {
      outer.add(strides.get(loop.last()) * bytes);
    }
    long inner = loops.isEmpty() ? 1 : strides.get(loops.getLast().last());
    return new KernelStep.Bound(storage, offset * bytes, outer, inner * bytes);
  }

  private static Operand.Access access(KernelStep.Bound operand) {
    return operand.inner() == 0 ? Operand.Access.ROW : Operand.Access.ELEMENTS;
  }
}
