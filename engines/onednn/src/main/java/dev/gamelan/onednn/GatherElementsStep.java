package dev.gamelan.onednn;

import dev.gamelan.type.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Elements by their indices along one axis: the operand is [outer, size, inner], indices and result
 * are [outer, count, inner], where all axes but this one are equal.
 */
record GatherElementsStep(
    Storage from,
    Storage indices,
    Storage to,
    DType indexType,
    long outer,
    long size,
    long count,
    long inner,
    int elementBytes)
    implements Step {

  @Override
  public int parts() {
    return 1;
  }

  @Override
  public void run(Run run, int part) {
    var source = run.memory(from);
    var target = run.memory(to);
    var index = new Indices(run.memory(indices), indexType, size, "gather_elements");
    long at = 0;
    for (long o = 0; o < outer; o++) {
      for (long c = 0; c < count; c++) {
        for (long i = 0; i < inner; i++, at++) {
          long element = (o * size + index.get(at)) * inner + i;
          MemorySegment.copy(
              source, element * elementBytes, target, at * elementBytes, elementBytes);
        }
      }
    }
  }

  @Override
  public List<Storage> storages() {
    return List.of(from, indices, to);
  }

  @Override
  public String explain() {
    return "gather     %d × %d × %d elements".formatted(outer, count, inner);
  }
}
