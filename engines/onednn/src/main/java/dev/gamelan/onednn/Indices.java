package dev.gamelan.onednn;

import dev.gamelan.engine.EngineException;
import dev.gamelan.type.DType;
import java.lang.foreign.MemorySegment;

/** Integers of any dtype in memory, each checked to be in [0, size). */
record Indices(MemorySegment memory, DType dtype, long size, String op) {
  long get(long at) {
    long index = unchecked(at);
    if (index < 0 || index >= size) {
      throw new EngineException("%s: index %d is outside of [0, %d)".formatted(op, index, size));
    }
    return index;
  }

  /** What of an unsigned 64-bit integer does not fit a long is negative. */
  long unchecked(long at) {
    return new Elements(memory, dtype).integer(at);
  }
}
