package dev.gamelan.onednn;

import dev.gamelan.type.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Rows by their indices. The operand is [outer, size, row], the result [outer, count, row], all one
 * behind another; the threads share the rows.
 *
 * @param rowBytes of one row
 */
record GatherStep(
    Storage from,
    Storage indices,
    Storage to,
    DType indexType,
    long outer,
    long size,
    long count,
    long rowBytes,
    int parts)
    implements Step {

  /** Bytes below which waking another thread does not pay. */
  static final long WORTH_SHARING = 100_000;

  @Override
  public void run(Run run, int part) {
    var source = run.memory(from);
    var target = run.memory(to);
    var index = new Indices(run.memory(indices), indexType, size, "gather");
    long rows = outer * count;
    long each = Math.ceilDiv(rows, parts);
    for (long row = each * part; row < Math.min(rows, each * (part + 1)); row++) {
      long at = row / count * size + index.get(row % count);
      MemorySegment.copy(source, at * rowBytes, target, row * rowBytes, rowBytes);
    }
  }

  @Override
  public List<Storage> storages() {
    return List.of(from, indices, to);
  }

  @Override
  public String explain() {
    return "gather     %d × %d rows of %d B, %d threads".formatted(outer, count, rowBytes, parts);
  }
}
