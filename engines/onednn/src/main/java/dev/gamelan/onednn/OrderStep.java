package dev.gamelan.onednn;

import dev.gamelan.type.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Sorts lines of [outer, size, inner] along the middle axis, or finds the first {@code count} of
 * them: keys become integers in their order, above their indices in one long, which makes the sort
 * stable.
 */
final class OrderStep implements Step {
  /** What moves with the keys, or the keys themselves. */
  record Moved(Storage from, Storage to, int bytes) {}

  /**
   * @param count how many of a line are wanted
   */
  record Sizes(long outer, int size, long inner, int count) {
    long lines() {
      return outer * inner;
    }
  }

  /** Elements below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 4096;

  /** The part of a line up to which selecting is faster than sorting. */
  private static final int FEW = 8;

  private final Storage keys;
  private final DType dtype;
  private final boolean descending;
  private final Sizes sizes;
  private final List<Moved> moved;
  private final Optional<Storage> indices;
  private final int parts;

  /**
   * @param indices where the places of the results in their lines go, as i32
   */
  OrderStep(
      Storage keys,
      DType dtype,
      boolean descending,
      Sizes sizes,
      List<Moved> moved,
      Optional<Storage> indices,
      int threads) {
    this.keys = keys;
    this.dtype = dtype;
    this.descending = descending;
    this.sizes = sizes;
    this.moved = List.copyOf(moved);
    this.indices = indices;
    boolean shared = sizes.lines() * sizes.size >= WORTH_SHARING;
    this.parts = shared ? (int) Math.min(threads, sizes.lines()) : 1;
  }

  @Override
  public int parts() {
    return parts;
  }

  @Override
  public void run(Run run, int part) {
    if (sizes.count == 0) return;
    var line = new long[sizes.size];
    var memory = run.memory(keys);
    for (long i = sizes.lines() * part / parts; i < sizes.lines() * (part + 1) / parts; i++) {
      long outer = i / sizes.inner;
      long inner = i % sizes.inner;
      long first = outer * sizes.size * sizes.inner + inner;
      if (dtype.isFloat()) floats(memory, first, line);
      else integers(memory, first, line);
      var ordered = sizes.count <= sizes.size / FEW ? least(line) : sorted(line);
      write(run, ordered, first, outer * sizes.count * sizes.inner + inner);
    }
  }

  private void integers(MemorySegment memory, long first, long[] line) {
    new Elements(memory, dtype).read(first, sizes.inner, line);
    for (int i = 0; i < line.length; i++) {
      int key = dtype == DType.U32 ? (int) line[i] ^ Integer.MIN_VALUE : (int) line[i];
      line[i] = (long) (descending ? ~key : key) << 32 | i;
    }
  }

  private void floats(MemorySegment memory, long first, long[] line) {
    var elements = new Elements(memory, dtype);
    for (int i = 0; i < line.length; i++) {
      float value = (float) elements.floating(first + i * sizes.inner);
      // In the order of ints; NaN is last either way, and -0.0 is 0.0.
      int bits = Float.floatToRawIntBits(value + 0f);
      int ordered = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
      int key = descending ? ~ordered : ordered;
      line[i] = (long) (Float.isNaN(value) ? Integer.MAX_VALUE : key) << 32 | i;
    }
  }

  private static long[] sorted(long[] line) {
    Arrays.sort(line);
    return line;
  }

  /**
   * The first of the sorted line: those that may be among them are kept and sorted now and then.
   */
  private long[] least(long[] line) {
    var kept = new long[2 * sizes.count];
    int count = 0;
    long limit = Long.MAX_VALUE;
    for (long key : line) {
      if (key >= limit) continue;
      kept[count++] = key;
      if (count == kept.length) {
        Arrays.sort(kept);
        count = sizes.count;
        limit = kept[count - 1];
      }
    }
    Arrays.sort(kept, 0, count);
    return kept;
  }

  private void write(Run run, long[] ordered, long from, long to) {
    for (var each : moved) {
      var source = run.memory(each.from);
      var target = run.memory(each.to);
      for (int i = 0; i < sizes.count; i++) {
        long at = from + (int) ordered[i] * sizes.inner;
        long place = to + i * sizes.inner;
        MemorySegment.copy(source, at * each.bytes, target, place * each.bytes, each.bytes);
      }
    }
    if (indices.isEmpty()) return;
    var target = run.memory(indices.get());
    for (int i = 0; i < sizes.count; i++) {
      target.set(ValueLayout.JAVA_INT, 4 * (to + i * sizes.inner), (int) ordered[i]);
    }
  }

  @Override
  public List<Storage> storages() {
    var all = new ArrayList<Storage>();
    all.add(keys);
    for (var each : moved) {
      all.add(each.from);
      all.add(each.to);
    }
    indices.ifPresent(all::add);
    return all.stream().distinct().toList();
  }

  @Override
  public String explain() {
    return "order      %d of %d %s, %d lines, %d thread%s"
        .formatted(sizes.count, sizes.size, dtype, sizes.lines(), parts, parts == 1 ? "" : "s");
  }
}
