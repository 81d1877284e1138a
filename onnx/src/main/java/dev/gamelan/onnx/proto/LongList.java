package dev.gamelan.onnx.proto;

import java.nio.LongBuffer;
import java.util.Arrays;

/** Longs without a box each: weights may lie in repeated fields, millions of them. */
final class LongList {
  private long[] elements = new long[8];
  private int size;

  void add(long element) {
    if (size == elements.length) elements = Arrays.copyOf(elements, 2 * size);
    elements[size++] = element;
  }

  LongBuffer toBuffer() {
    return LongBuffer.wrap(Arrays.copyOf(elements, size)).asReadOnlyBuffer();
  }
}
