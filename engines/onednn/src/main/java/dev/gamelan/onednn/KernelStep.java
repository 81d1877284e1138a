package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.CompiledKernel;
import dev.gamelan.onednn.kernel.Instruction;
import dev.gamelan.onednn.kernel.Kernel;
import dev.gamelan.onednn.kernel.Opcode;
import dev.gamelan.onednn.kernel.Operand;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A kernel of our own over one iteration space. Its bounds are checked here, once: that every
 * address it can reach lies inside its storage.
 */
final class KernelStep implements Step {
  /**
   * An operand of the kernel.
   *
   * @param offset in bytes
   * @param strides of the outer loops, in bytes
   * @param inner bytes from element to element of a row
   */
  record Bound(Storage storage, long offset, List<Long> strides, long inner) {
    Bound {
      strides = List.copyOf(strides);
    }

    /** The same from a row on. */
    Bound fromRow(long row) {
      return new Bound(storage, offset + row * strides.getLast(), strides, inner);
    }

    boolean liesAs(Bound other) {
      return offset == other.offset && strides.equals(other.strides) && inner == other.inner;
    }
  }

  private static final int LOAD_AND_STORE = 2;

  /** Rows are divided at multiples of this many elements. */
  private static final int ROW_GRAIN = 64;

  /** Nanoseconds of work below which waking another thread does not pay. */
  private static final double WORTH_SHARING = 10_000;

  /** Vectors that are written past the caches begin at multiples of so many bytes. */
  private static final long ALIGNMENT = 64;

  private final CompiledKernel compiled;

  /** The same that writes past the caches, where that pays. */
  private final Optional<CompiledKernel> streaming;

  private final long length;
  private final long[] outer;
  private final List<Bound> operands;
  private final int parts;
  private final int firstArgument;
  private final Object what;

  /** Which loop the parts divide: an outer one, or the row where it is {@code outer.length}. */
  private final int divided;

  KernelStep(
      CompiledKernel compiled,
      Optional<CompiledKernel> streaming,
      long length,
      long[] outer,
      List<Bound> operands,
      int threads,
      int firstArgument,
      Object what) {
    this.compiled = compiled;
    this.streaming = streaming;
    this.length = length;
    this.outer = outer.clone();
    this.operands = List.copyOf(operands);
    this.firstArgument = firstArgument;
    this.what = what;
    this.divided = divided(threads);
    this.parts = parts(threads);
    for (int i = 0; i < operands.size(); i++) check(i);
  }

  /** Each element is read before it is written, if what is read lies where it is written. */
  @Override
  public InPlace inPlace(Storage from, Storage to) {
    var targets = of(to);
    if (targets.isEmpty() || targets.size() > kernel().rows()) return InPlace.NO;
    if (kernel().phases().size() > 1 && !areWrittenLast(targets)) return InPlace.NO;
    for (int source : of(from)) {
      if (targets.stream().noneMatch(target -> areTheSame(source, target))) return InPlace.NO;
    }
    boolean copy = operands.size() == 2 && kernel().perElement() == LOAD_AND_STORE;
    return copy ? InPlace.IS_COPY : InPlace.YES;
  }

  /** The operands that lie in {@code storage}. */
  private List<Integer> of(Storage storage) {
    return IntStream.range(0, operands.size())
        .filter(i -> operands.get(i).storage == storage)
        .boxed()
        .toList();
  }

  private boolean areTheSame(int operand, int other) {
    return kernel().operands().get(operand).equals(kernel().operands().get(other))
        && operands.get(operand).liesAs(operands.get(other));
  }

  /** Whether these are elements of rows that no phase reads after they are written. */
  private boolean areWrittenLast(List<Integer> targets) {
    if (kernel().columns()) return false;
    var phases = kernel().phases();
    var last = phases.getLast().perElement();
    return last.stream().filter(i -> isStore(i, targets)).count() == targets.size()
        && phases.subList(0, phases.size() - 1).stream()
            .flatMap(phase -> phase.perElement().stream())
            .noneMatch(i -> isStore(i, targets));
  }

  private static boolean isStore(Instruction instruction, List<Integer> targets) {
    return instruction.op() == Opcode.STORE && targets.contains(instruction.immediate());
  }

  private Kernel kernel() {
    return compiled.kernel();
  }

  /** A reduced row stays whole; of a column any part of its width may go to another thread. */
  private boolean rowsStayWhole() {
    return !kernel().columns() && (kernel().phases().size() > 1 || hasScratch());
  }

  private boolean hasScratch() {
    return kernel().operands().stream().anyMatch(o -> o.access() == Operand.Access.SCRATCH);
  }

  private int divided(int threads) {
    if (kernel().columns()) return length >= 2L * ROW_GRAIN || outer.length == 1 ? outer.length : 0;
    boolean outermost = outer.length > 0 && (outer[0] >= threads || rowsStayWhole());
    return outermost ? 0 : outer.length;
  }

  private int parts(int threads) {
    if (threads == 1 || nanoseconds() < WORTH_SHARING) return 1;
    if (divided < outer.length) return (int) Math.min(threads, outer[divided]);
    if (rowsStayWhole()) return 1;
    return (int) Math.min(threads, Math.max(1, length / ROW_GRAIN));
  }

  /** A guess at what one thread takes. */
  private double nanoseconds() {
    double elements = length * kernel().rows();
    for (long size : outer) elements *= size;
    return elements * (0.05 * kernel().perElement() + 0.1 * operands.size());
  }

  private void check(int index) {
    var operand = operands.get(index);
    if (kernel().operands().get(index).access() == Operand.Access.SCRATCH) return;
    if (length == 0 || Arrays.stream(outer).anyMatch(size -> size == 0)) return;
    long low = operand.offset;
    long high = operand.offset + (length - 1) * operand.inner;
    for (int loop = 0; loop < outer.length; loop++) {
      long reach = (outer[loop] - 1) * operand.strides.get(loop);
      low += Math.min(reach, 0);
      high += Math.max(reach, 0);
    }
    int element = kernel().operands().get(index).type().bytes();
    if (low < 0 || high + element > operand.storage.bytes) {
      throw new IllegalStateException(
          "%s would reach bytes %d to %d of %d"
              .formatted(what, low, high + element, operand.storage.bytes));
    }
  }

  /** How many longs of arguments it takes. */
  int argumentCount() {
    return parts * kernel().argumentCount();
  }

  @Override
  public int parts() {
    return parts;
  }

  @Override
  public void prepare(Run run) {
    for (int part = 0; part < parts; part++) {
      long at = at(part);
      long count = from(part + 1) - from(part);
      run.set(at, divided == outer.length ? count : length);
      for (int loop = 0; loop < outer.length; loop++) {
        run.set(at + 1 + loop, loop == divided ? count : outer[loop]);
      }
      for (int i = 0; i < operands.size(); i++) setStrides(run, at, i);
    }
  }

  @Override
  public void run(Run run, int part) {
    long from = from(part);
    if (isNothing(from(part + 1) - from)) return;
    long at = at(part);
    for (int i = 0; i < operands.size(); i++) {
      run.set(at + kernel().addressArgument(i), address(run, part, from, i));
    }
    var kernel = streaming.isPresent() && streams(run, part, from) ? streaming.get() : compiled;
    kernel.run(run.argumentAddress(at));
  }

  /** Whether what it writes is aligned, and is not what it reads. */
  private boolean streams(Run run, int part, long from) {
    var streamed = streaming.orElseThrow().kernel().operands();
    for (int i = 0; i < operands.size(); i++) {
      if (streamed.get(i).access() != Operand.Access.STREAM) continue;
      long address = address(run, part, from, i);
      boolean aligned =
          address % ALIGNMENT == 0
              && operands.get(i).strides.stream().allMatch(stride -> stride % ALIGNMENT == 0);
      if (!aligned) return false;
      for (int other = 0; other < operands.size(); other++) {
        if (other != i && address(run, part, from, other) == address) return false;
      }
    }
    return true;
  }

  private long at(int part) {
    return firstArgument + (long) part * kernel().argumentCount();
  }

  /** Of an empty column the identity is still to be written. */
  private boolean isNothing(long count) {
    for (int loop = 0; loop < outer.length; loop++) {
      long size = loop == divided ? count : outer[loop];
      if (size == 0 && !(kernel().columns() && loop == outer.length - 1)) return true;
    }
    return false;
  }

  /** The first index of a part, in the loop that is divided. */
  private long from(int part) {
    boolean row = divided == outer.length;
    long size = row ? length : outer[divided];
    if (part == parts) return size;
    long grain = row ? ROW_GRAIN : 1;
    return Math.min(size, Math.ceilDiv(size, grain * parts) * grain * part);
  }

  private boolean isScratch(int index) {
    return kernel().operands().get(index).access() == Operand.Access.SCRATCH;
  }

  private long address(Run run, int part, long from, int index) {
    var operand = operands.get(index);
    long address = run.address(operand.storage) + operand.offset;
    if (isScratch(index)) return address + part * scratchBytes(length);
    return address
        + from * (divided == outer.length ? operand.inner : operand.strides.get(divided));
  }

  /** The odometer: an outer stride takes back what the loops inside have added. */
  private void setStrides(Run run, long at, int index) {
    var operand = operands.get(index);
    boolean scratch = isScratch(index);
    long argument = at + kernel().addressArgument(index);
    int inside = kernel().columns() ? outer.length - 1 : outer.length;
    for (int loop = 0; loop < outer.length; loop++) {
      long stride = scratch ? 0 : operand.strides.get(loop);
      if (!scratch && loop + 1 < inside) {
        stride -= outer[loop + 1] * operand.strides.get(loop + 1);
      }
      run.set(argument + 1 + loop, stride);
    }
  }

  /** Bytes of a scratch row for one thread. */
  static long scratchBytes(long length) {
    return Math.ceilDiv(4 * length, 64) * 64;
  }

  @Override
  public List<Storage> storages() {
    var result = new LinkedHashSet<Storage>();
    for (var operand : operands) result.add(operand.storage);
    return List.copyOf(result);
  }

  @Override
  public String explain() {
    long bytes = 0;
    var places = new HashSet<Storage>();
    boolean inPlace = false;
    for (var storage : storages()) {
      bytes += storage.bytes;
      inPlace |= !places.add(storage.place());
    }
    var loops = new StringBuilder();
    for (long size : outer) loops.append(size).append(" × ");
    if (kernel().rows() > 1) loops.append(kernel().rows()).append(" × ");
    return "kernel     %s%d, %d instructions an element, %d B of data%s, %d thread%s: %s"
        .formatted(
            loops,
            length,
            kernel().perElement(),
            bytes,
            inPlace ? " in place" : streaming.isPresent() ? " past the caches" : "",
            parts,
            parts == 1 ? "" : "s",
            what);
  }
}
