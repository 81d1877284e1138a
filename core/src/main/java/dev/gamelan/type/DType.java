package dev.gamelan.type;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The type of an element. Compute types take part in every op; storage types only in constants,
 * movement, {@code convert} and {@code bitcast}.
 */
public enum DType {
  F32(Kind.FLOAT, 32, FloatFormat.F32),
  F64(Kind.FLOAT, 64, FloatFormat.F64),
  F16(Kind.FLOAT, 16, FloatFormat.F16),
  BF16(Kind.FLOAT, 16, FloatFormat.BF16),
  I8(Kind.SIGNED, 8, null),
  U8(Kind.UNSIGNED, 8, null),
  I16(Kind.SIGNED, 16, null),
  U16(Kind.UNSIGNED, 16, null),
  I32(Kind.SIGNED, 32, null),
  U32(Kind.UNSIGNED, 32, null),
  I64(Kind.SIGNED, 64, null),
  U64(Kind.UNSIGNED, 64, null),
  BOOL(Kind.BOOL, 8, null),
  F8E4M3FN(Kind.FLOAT, 8, FloatFormat.F8E4M3FN),
  F8E5M2(Kind.FLOAT, 8, FloatFormat.F8E5M2),
  F8E4M3FNUZ(Kind.FLOAT, 8, FloatFormat.F8E4M3FNUZ),
  F8E5M2FNUZ(Kind.FLOAT, 8, FloatFormat.F8E5M2FNUZ),
  F8E8M0(Kind.FLOAT, 8, FloatFormat.F8E8M0),
  F4E2M1(Kind.FLOAT, 4, FloatFormat.F4E2M1),
  I4(Kind.SIGNED, 4, null),
  U4(Kind.UNSIGNED, 4, null),
  I2(Kind.SIGNED, 2, null),
  U2(Kind.UNSIGNED, 2, null);

  private enum Kind {
    FLOAT,
    SIGNED,
    UNSIGNED,
    BOOL
  }

  private final Kind kind;
  private final int bits;
  private final @Nullable FloatFormat format;

  DType(Kind kind, int bits, @Nullable FloatFormat format) {
    this.kind = kind;
    this.bits = bits;
    this.format = format;
  }

  /** The dtype that prints as {@code name}, such as {@code f32}. */
  public static DType parse(String name) {
    for (var dtype : values()) {
      if (dtype.toString().equals(name)) return dtype;
    }
    throw new IllegalArgumentException("no dtype is called '%s'".formatted(name));
  }

  /** Bits of one element in memory; elements of less than 8 are packed, the low bits first. */
  public int bits() {
    return bits;
  }

  /** Bytes of {@code count} packed elements. */
  public long bytes(long count) {
    return bits < 8
        ? Math.ceilDiv(Math.multiplyExact(count, (long) bits), 8L)
        : Math.multiplyExact(count, (long) (bits / 8));
  }

  public boolean isFloat() {
    return kind == Kind.FLOAT;
  }

  /** A signed or unsigned integer; {@code bool} is not one. */
  public boolean isInteger() {
    return kind == Kind.SIGNED || kind == Kind.UNSIGNED;
  }

  public boolean isUnsigned() {
    return kind == Kind.UNSIGNED;
  }

  public boolean isBool() {
    return kind == Kind.BOOL;
  }

  /** Held and moved, but not computed with. */
  public boolean isStorage() {
    return compareTo(BOOL) > 0;
  }

  /** The format of a floating-point dtype. */
  public FloatFormat format() {
    if (format == null) throw new IllegalStateException(this + " is not floating-point");
    return format;
  }

  /** Wraps an integer to this dtype's width: the low bits, sign- or zero-extended to a long. */
  public long wrap(long value) {
    if (kind == Kind.BOOL) return value != 0 ? 1 : 0;
    int unused = 64 - bits;
    return kind == Kind.SIGNED ? value << unused >> unused : value << unused >>> unused;
  }

  /** Float to integer: truncates towards zero and saturates; NaN becomes 0. */
  public long fromDouble(double value) {
    return switch (kind) {
      case FLOAT -> format().encode(value);
      case BOOL -> value != 0 ? 1 : 0;
      case SIGNED -> Math.clamp((long) value, -1L << (bits - 1), ~(-1L << (bits - 1)));
      case UNSIGNED -> {
        if (!(value > 0)) yield 0;
        if (bits < 64) yield Math.min((long) value, ~(-1L << bits));
        if (value >= 0x1p64) yield -1;
        yield value < 0x1p63 ? (long) value : (long) (value - 0x1p63) + Long.MIN_VALUE;
      }
    };
  }

  /** An integer of this dtype, as {@link #wrap} gives it, as the nearest double. */
  public double toDouble(long value) {
    if (this != U64 || value >= 0) return (double) value;
    return ((value >>> 1) | (value & 1)) * 2.0;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
