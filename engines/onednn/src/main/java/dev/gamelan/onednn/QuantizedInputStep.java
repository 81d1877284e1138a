package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.QuantizedGemvKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Brings x to the order in which 4-bit weights come out of their vectors, with sums of eight. */
final class QuantizedInputStep implements Step {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final int BLOCK = QuantizedGemvKernel.BLOCK;
  private static final int LANES = 16;
  private static final int EACH = BLOCK / LANES;

  private final Storage x;
  private final Storage ordered;
  private final long elements;

  QuantizedInputStep(Storage x, Storage ordered, long elements) {
    this.x = x;
    this.ordered = ordered;
    this.elements = elements;
  }

  @Override
  public int parts() {
    return 1;
  }

  @Override
  public void run(Run run, int part) {
    var from = run.memory(x);
    var to = run.memory(ordered);
    for (long block = 0; block < elements / BLOCK; block++) {
      order(from, block * BLOCK, to, block * QuantizedGemvKernel.X_BLOCK);
    }
  }

  private static void order(MemorySegment from, long source, MemorySegment to, long target) {
    for (int lane = 0; lane < LANES; lane++) {
      float sum = 0;
      for (int i = 0; i < EACH; i++) {
        float value = from.getAtIndex(FLOAT, source + (long) lane * EACH + i);
        to.setAtIndex(FLOAT, target + (long) i * LANES + lane, value);
        sum += value;
      }
      to.setAtIndex(FLOAT, target + BLOCK + lane, sum);
    }
  }

  @Override
  public List<Storage> storages() {
    return List.of(x, ordered);
  }

  @Override
  public String explain() {
    return "order      %d elements for 4-bit weights".formatted(elements);
  }
}
