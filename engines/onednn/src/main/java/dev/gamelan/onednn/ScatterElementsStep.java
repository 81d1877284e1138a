package dev.gamelan.onednn;

import dev.gamelan.ir.ScatterKind;
import dev.gamelan.type.DType;
import java.util.List;

/**
 * Combines updates [outer, count, inner] with elements of [outer, size, inner] by their indices, in
 * order.
 */
record ScatterElementsStep(
    ScatterKind kind,
    DType dtype,
    Storage target,
    Storage indices,
    Storage updates,
    DType indexType,
    long outer,
    long size,
    long count,
    long inner)
    implements Step {

  @Override
  public int parts() {
    return 1;
  }

  @Override
  public void run(Run run, int part) {
    var into = new Elements(run.memory(target), dtype);
    var from = new Elements(run.memory(updates), dtype);
    var index = new Indices(run.memory(indices), indexType, size, "scatter_elements");
    long at = 0;
    for (long o = 0; o < outer; o++) {
      for (long c = 0; c < count; c++) {
        for (long i = 0; i < inner; i++, at++) {
          long element = (o * size + index.get(at)) * inner + i;
          if (dtype.isFloat()) {
            into.set(element, combined(into.floating(element), from.floating(at)));
          } else {
            into.set(element, combined(into.integer(element), from.integer(at)));
          }
        }
      }
    }
  }

  private double combined(double old, double update) {
    return switch (kind) {
      case SET -> update;
      case ADD -> old + update;
      case MUL -> old * update;
      case MAX -> Math.max(old, update);
      case MIN -> Math.min(old, update);
    };
  }

  private long combined(long old, long update) {
    boolean less = dtype == DType.U64 ? Long.compareUnsigned(old, update) < 0 : old < update;
    return switch (kind) {
      case SET -> update;
      case ADD -> old + update;
      case MUL -> old * update;
      case MAX -> less ? update : old;
      case MIN -> less ? old : update;
    };
  }

  @Override
  public List<Storage> storages() {
    return List.of(target, indices, updates);
  }

  @Override
  public String explain() {
    return "scatter    %s of %d × %d × %d elements".formatted(kind, outer, count, inner);
  }
}
