package dev.gamelan.type;

/** One element: the dtype's bits, so that equality tells -0.0 from 0.0 and equal NaNs are equal. */
public record Scalar(DType dtype, long bits) {
  public Scalar {
    bits = dtype.bits() == 64 ? bits : bits & ~(-1L << dtype.bits());
  }

  /** {@code value} in {@code dtype}: rounded, or truncated and saturated for an integer. */
  public static Scalar of(DType dtype, double value) {
    return new Scalar(dtype, dtype.fromDouble(value));
  }

  /** {@code value} in {@code dtype}: rounded, or wrapped for an integer. */
  public static Scalar of(DType dtype, long value) {
    return new Scalar(
        dtype, dtype.isFloat() ? dtype.format().encode((double) value) : dtype.wrap(value));
  }

  public double toDouble() {
    return dtype.isFloat() ? dtype.format().decode(bits) : dtype.toDouble(toLong());
  }

  /** An integer or bool as a long; a float truncated. */
  public long toLong() {
    return dtype.isFloat() ? (long) dtype.format().decode(bits) : dtype.wrap(bits);
  }

  /** Reads what {@link #toString} writes. */
  public static Scalar parse(DType dtype, String text) {
    if (text.startsWith("0x"))
      return new Scalar(dtype, Long.parseUnsignedLong(text, 2, text.length(), 16));
    if (dtype.isBool()) return new Scalar(dtype, Boolean.parseBoolean(text) ? 1 : 0);
    if (dtype == DType.U64) return new Scalar(dtype, Long.parseUnsignedLong(text));
    if (dtype.isInteger()) return of(dtype, Long.parseLong(text));
    return of(
        dtype,
        switch (text) {
          case "nan" -> Double.NaN;
          case "inf" -> Double.POSITIVE_INFINITY;
          case "-inf" -> Double.NEGATIVE_INFINITY;
          default -> Double.parseDouble(text);
        });
  }

  /** Such as {@code 1.5}, {@code -3}, {@code true}, {@code nan}; odd NaNs as their bits in hex. */
  @Override
  public String toString() {
    if (dtype.isBool()) return bits != 0 ? "true" : "false";
    if (dtype == DType.U64) return Long.toUnsignedString(bits);
    if (dtype.isInteger()) return Long.toString(toLong());
    double value = toDouble();
    if (Double.isNaN(value)) {
      return bits == of(dtype, Double.NaN).bits ? "nan" : "0x" + Long.toHexString(bits);
    }
    if (Double.isInfinite(value)) return value > 0 ? "inf" : "-inf";
    return dtype == DType.F64 ? Double.toString(value) : Float.toString((float) value);
  }
}
