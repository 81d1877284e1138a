package dev.gamelan.onednn;

import dev.gamelan.type.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Elements in memory, read and written from Java: floats as doubles, others as longs. Lines of them
 * go in loops of one dtype, which the JIT compiler can unroll.
 */
record Elements(MemorySegment memory, DType dtype) {
  /** What of an unsigned 64-bit integer does not fit a long is negative. */
  long integer(long at) {
    return switch (dtype) {
      case I8 -> memory.get(ValueLayout.JAVA_BYTE, at);
      case U8, BOOL -> Byte.toUnsignedLong(memory.get(ValueLayout.JAVA_BYTE, at));
      case I16 -> memory.get(ValueLayout.JAVA_SHORT, 2 * at);
      case U16 -> Short.toUnsignedLong(memory.get(ValueLayout.JAVA_SHORT, 2 * at));
      case I32 -> memory.get(ValueLayout.JAVA_INT, 4 * at);
      case U32 -> Integer.toUnsignedLong(memory.get(ValueLayout.JAVA_INT, 4 * at));
      case I64, U64 -> memory.get(ValueLayout.JAVA_LONG, 8 * at);
      default -> throw new IllegalStateException(dtype + " is no integer");
    };
  }

  /** Wraps {@code value}. */
  void set(long at, long value) {
    switch (dtype.bits()) {
      case 8 -> memory.set(ValueLayout.JAVA_BYTE, at, (byte) value);
      case 16 -> memory.set(ValueLayout.JAVA_SHORT, 2 * at, (short) value);
      case 32 -> memory.set(ValueLayout.JAVA_INT, 4 * at, (int) value);
      case 64 -> memory.set(ValueLayout.JAVA_LONG, 8 * at, value);
      default -> throw new IllegalStateException(dtype + " has no address");
    }
  }

  double floating(long at) {
    return switch (dtype) {
      case F32 -> memory.get(ValueLayout.JAVA_FLOAT, 4 * at);
      case F64 -> memory.get(ValueLayout.JAVA_DOUBLE, 8 * at);
      case F16 -> Float.float16ToFloat(memory.get(ValueLayout.JAVA_SHORT, 2 * at));
      case BF16 -> Float.intBitsToFloat(memory.get(ValueLayout.JAVA_SHORT, 2 * at) << Short.SIZE);
      default -> throw new IllegalStateException(dtype + " is no number with a fraction");
    };
  }

  /** Rounds {@code value}. */
  void set(long at, double value) {
    switch (dtype) {
      case F32 -> memory.set(ValueLayout.JAVA_FLOAT, 4 * at, (float) value);
      case F64 -> memory.set(ValueLayout.JAVA_DOUBLE, 8 * at, value);
      default -> memory.set(ValueLayout.JAVA_SHORT, 2 * at, (short) dtype.format().encode(value));
    }
  }

  /** Every {@code stride}-th element from {@code first} on. */
  void read(long first, long stride, double[] line) {
    for (int i = 0; i < line.length; i++) line[i] = floating(first + i * stride);
  }

  void read(long first, long stride, long[] line) {
    for (int i = 0; i < line.length; i++) line[i] = integer(first + i * stride);
  }

  void write(long first, long stride, double[] line) {
    for (int i = 0; i < line.length; i++) set(first + i * stride, line[i]);
  }

  void write(long first, long stride, long[] line) {
    for (int i = 0; i < line.length; i++) set(first + i * stride, line[i]);
  }
}
