package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.QuantizedGemvKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Rounds x to integers of one or three bytes, eight to a scale, and brings them to the order in
 * which 4-bit weights come out of their vectors. What is not finite makes the result NaN.
 */
final class QuantizedInputStep implements Step {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final int BLOCK = QuantizedGemvKernel.BLOCK;
  private static final int LANE = QuantizedGemvKernel.LANE;

  /** Elements below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 2048;

  private final Storage x;
  private final Storage ordered;
  private final long elements;
  private final boolean signed;

  /** Below the largest whose bytes are at most 127. */
  private final int most;

  private final int parts;

  QuantizedInputStep(
      Storage x, Storage ordered, long elements, QuantizedGemvKernel.Variant variant, int threads) {
    this.x = x;
    this.ordered = ordered;
    this.elements = elements;
    this.signed = variant.signed();
    this.most = 0x7F7F7F >> (8 * (3 - variant.bytes()));
    this.parts = elements < WORTH_SHARING ? 1 : threads;
  }

  @Override
  public int parts() {
    return parts;
  }

  @Override
  public void run(Run run, int part) {
    var from = run.memory(x);
    var to = run.memory(ordered);
    // In arrays, whose bounds the virtual machine checks once a loop.
    var elementsOfBlock = new float[BLOCK];
    var words = new int[QuantizedGemvKernel.X_BLOCK / 4];
    long blocks = elements / BLOCK;
    for (long block = blocks * part / parts; block < blocks * (part + 1) / parts; block++) {
      MemorySegment.copy(from, FLOAT, 4 * block * BLOCK, elementsOfBlock, 0, BLOCK);
      for (int lane = 0; lane < BLOCK / LANE; lane++) round(elementsOfBlock, lane, words);
      MemorySegment.copy(words, 0, to, INT, block * QuantizedGemvKernel.X_BLOCK, words.length);
    }
  }

  private void round(float[] from, int lane, int[] to) {
    int first = lane * LANE;
    float largest = 0;
    for (int i = 0; i < LANE; i++) largest = Math.max(largest, Math.abs(from[first + i]));
    boolean finite = largest <= Float.MAX_VALUE;
    float scale = finite ? largest / most : Float.NaN;
    double each = finite && largest > 0 ? (double) most / largest : 0;
    int sum = 0;
    for (int half = 0; half < 2; half++) {
      int high = 0;
      int middle = 0;
      int low = 0;
      for (int i = half; i < LANE; i += 2) {
        // Rounded to nearest: positive numbers are truncated.
        int integer = (int) (from[first + i] * each + (most + 0.5)) - most;
        int upper = (integer + 128) >> 8;
        int shift = 4 * (i - half);
        high |= ((upper + 128) >> 8 & 0xFF) << shift;
        middle |= (upper & 0xFF) << shift;
        low |= (integer & 0xFF) << shift;
        sum += integer;
      }
      int word = (half == 0 ? QuantizedGemvKernel.EVEN : QuantizedGemvKernel.ODD) / 4 + lane;
      to[word] = high;
      to[word + QuantizedGemvKernel.LOWER / 4] = middle;
      to[word + 2 * QuantizedGemvKernel.LOWER / 4] = low;
    }
    to[QuantizedGemvKernel.BIAS / 4 + lane] = signed ? -8 * sum : 0;
    to[QuantizedGemvKernel.X_SCALE / 4 + lane] = Float.floatToRawIntBits(scale);
    to[QuantizedGemvKernel.X_SUM / 4 + lane] = Float.floatToRawIntBits(scale * sum);
  }

  @Override
  public List<Storage> storages() {
    return List.of(x, ordered);
  }

  @Override
  public String explain() {
    return "round      %d elements to integers up to %d".formatted(elements, most);
  }
}
