package dev.gamelan.onednn;

import dev.gamelan.engine.EngineException;
import dev.gamelan.type.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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
    return switch (dtype) {
      case I8 -> memory.get(ValueLayout.JAVA_BYTE, at);
      case U8 -> Byte.toUnsignedLong(memory.get(ValueLayout.JAVA_BYTE, at));
      case I16 -> memory.get(ValueLayout.JAVA_SHORT, 2 * at);
      case U16 -> Short.toUnsignedLong(memory.get(ValueLayout.JAVA_SHORT, 2 * at));
      case I32 -> memory.get(ValueLayout.JAVA_INT, 4 * at);
      case U32 -> Integer.toUnsignedLong(memory.get(ValueLayout.JAVA_INT, 4 * at));
      case I64, U64 -> memory.get(ValueLayout.JAVA_LONG, 8 * at);
      default -> throw new IllegalStateException(dtype + " is no index");
    };
  }
}
