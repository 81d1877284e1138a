package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.CompiledKernel;
import dev.gamelan.type.DType;
import java.util.List;

/**
 * Combines rows of updates [outer, count, row] into rows of [outer, size, row] by their indices, in
 * order. Each thread takes a part of every row, so that equal indices never meet.
 *
 * @param kernel target row = target row ∘ update row
 */
record ScatterStep(
    CompiledKernel kernel,
    Storage target,
    Storage indices,
    Storage updates,
    DType indexType,
    long outer,
    long size,
    long count,
    long row,
    int elementBytes,
    int parts,
    int firstArgument)
    implements Step {

  /** Elements of a row that a thread takes at least. */
  static final long GRAIN = 64;

  @Override
  public void run(Run run, int part) {
    long each = Math.ceilDiv(Math.ceilDiv(row, parts), GRAIN) * GRAIN;
    long start = each * part;
    long length = Math.min(each, row - start);
    if (length <= 0) return;
    var index = new Indices(run.memory(indices), indexType, size, "scatter");
    long at = firstArgument + (long) part * kernel.kernel().argumentCount();
    int targetArgument = kernel.kernel().addressArgument(0);
    int updateArgument = kernel.kernel().addressArgument(1);
    run.set(at, length);
    for (long i = 0; i < outer * count; i++) {
      long into = (i / count * size + index.get(i % count)) * row + start;
      run.set(at + targetArgument, run.address(target) + into * elementBytes);
      run.set(at + updateArgument, run.address(updates) + (i * row + start) * elementBytes);
      kernel.run(run.argumentAddress(at));
    }
  }

  @Override
  public List<Storage> storages() {
    return List.of(target, indices, updates);
  }

  @Override
  public String explain() {
    return "scatter    %d × %d rows of %d, %d threads".formatted(outer, count, row, parts);
  }
}
