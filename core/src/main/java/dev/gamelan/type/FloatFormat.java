package dev.gamelan.type;

/**
 * A binary floating-point format: its bits to and from {@code double}, which holds every value of
 * every format here exactly. Encoding rounds to the nearest value, ties to even.
 *
 * <p>References: [1] IEEE 754-2019. [2] Micikevicius et al., FP8 Formats for Deep Learning,
 * arXiv:2209.05433. [3] Noune et al., 8-bit Numerical Formats, arXiv:2206.02915 (the fnuz forms).
 * [4] OCP Microscaling Formats (MX) 1.0: f8e8m0, f4e2m1.
 */
public enum FloatFormat {
  F64(11, 52, -1022, Specials.IEEE),
  F32(8, 23, -126, Specials.IEEE),
  F16(5, 10, -14, Specials.IEEE),
  BF16(8, 7, -126, Specials.IEEE),
  F8E5M2(5, 2, -14, Specials.IEEE),
  F8E4M3FN(4, 3, -6, Specials.NAN_ALL_ONES),
  F8E4M3FNUZ(4, 3, -7, Specials.NAN_NEGATIVE_ZERO),
  F8E5M2FNUZ(5, 2, -15, Specials.NAN_NEGATIVE_ZERO),
  F8E8M0(8, 0, -127, Specials.POWERS_OF_TWO),
  F4E2M1(2, 1, 0, Specials.FINITE);

  /** Which values other than finite numbers the format holds, and in which bits. */
  private enum Specials {
    IEEE,
    NAN_ALL_ONES,
    NAN_NEGATIVE_ZERO,
    POWERS_OF_TWO,
    FINITE
  }

  private final int mantissaBits;
  private final int minExponent;
  private final Specials specials;
  private final long signBit;
  private final long nan;
  private final long maxFinite;

  FloatFormat(int exponentBits, int mantissaBits, int minExponent, Specials specials) {
    this.mantissaBits = mantissaBits;
    this.minExponent = minExponent;
    this.specials = specials;
    this.signBit = specials == Specials.POWERS_OF_TWO ? 0 : 1L << (exponentBits + mantissaBits);
    long allOnes = (1L << (exponentBits + mantissaBits)) - 1;
    this.nan =
        switch (specials) {
          case IEEE -> (allOnes >>> mantissaBits << mantissaBits) | 1L << (mantissaBits - 1);
          case NAN_ALL_ONES, POWERS_OF_TWO -> allOnes;
          case NAN_NEGATIVE_ZERO, FINITE -> signBit;
        };
    this.maxFinite =
        switch (specials) {
          case IEEE -> (allOnes >>> mantissaBits << mantissaBits) - 1;
          case NAN_ALL_ONES, POWERS_OF_TWO -> allOnes - 1;
          case NAN_NEGATIVE_ZERO, FINITE -> allOnes;
        };
  }

  /** The largest finite value. */
  public double max() {
    return decode(maxFinite);
  }

  /** The smallest positive normal value. */
  public double minNormal() {
    return Math.scalb(1.0, minExponent);
  }

  /** The distance from 1 to the next larger value. */
  public double epsilon() {
    return Math.scalb(1.0, -mantissaBits);
  }

  /** The value of the low bits of {@code bits}. */
  public double decode(long bits) {
    if (this == F64) return Double.longBitsToDouble(bits);
    if (this == F32) return Float.intBitsToFloat((int) bits);
    if (specials == Specials.POWERS_OF_TWO) {
      return bits == nan ? Double.NaN : Math.scalb(1.0, (int) bits + minExponent);
    }
    long magnitude = bits & (signBit - 1);
    if (specials == Specials.NAN_NEGATIVE_ZERO && bits == nan) return Double.NaN;
    double value;
    if (magnitude > maxFinite) {
      value =
          specials == Specials.IEEE && magnitude == maxFinite + 1
              ? Double.POSITIVE_INFINITY
              : Double.NaN;
    } else {
      long exponent = magnitude >>> mantissaBits;
      long mantissa = magnitude & ((1L << mantissaBits) - 1);
      value =
          exponent == 0
              ? Math.scalb((double) mantissa, minExponent - mantissaBits)
              : Math.scalb(
                  (double) (mantissa | 1L << mantissaBits),
                  (int) exponent - 1 + minExponent - mantissaBits);
    }
    return (bits & signBit) != 0 ? -value : value;
  }

  /**
   * The bits of the value nearest to {@code value}. What is too large becomes infinity, or NaN
   * where the format has none, or the largest value where it has neither.
   */
  public long encode(double value) {
    if (this == F64) return Double.doubleToRawLongBits(value);
    if (this == F32) return Float.floatToRawIntBits((float) value) & 0xffff_ffffL;
    if (Double.isNaN(value)) return nan;
    if (specials == Specials.POWERS_OF_TWO && !(value > 0)) return nan;
    long sign = Double.doubleToRawLongBits(value) < 0 ? signBit : 0;
    double magnitude = Math.abs(value);
    long bits = magnitude == Double.POSITIVE_INFINITY ? maxFinite + 1 : roundedBits(magnitude);
    if (bits > maxFinite) return overflow(sign);
    return specials == Specials.NAN_NEGATIVE_ZERO && bits == 0 ? 0 : sign | bits;
  }

  /** As {@link #encode}, but what is too large, infinities included, becomes the largest value. */
  public long encodeSaturating(double value) {
    if (Double.isNaN(value)) return encode(value);
    return encode(Math.clamp(value, -max(), max()));
  }

  /** {@code value} rounded to this format. */
  public double round(double value) {
    if (this == F64) return value;
    if (this == F32) return (float) value;
    return decode(encode(value));
  }

  private long roundedBits(double magnitude) {
    int exponent = Math.max(Math.getExponent(magnitude), minExponent);
    // Scaling by a power of two is exact, so the only rounding is rint's; a carry out of the
    // mantissa lands in the exponent by itself.
    long steps = (long) Math.rint(Math.scalb(magnitude, mantissaBits - exponent));
    if (specials == Specials.POWERS_OF_TWO)
      return Math.max(exponent - minExponent + (steps - 1), 0);
    return ((long) (exponent - minExponent) << mantissaBits) + steps;
  }

  private long overflow(long sign) {
    return switch (specials) {
      case IEEE -> sign | (maxFinite + 1);
      case NAN_ALL_ONES -> sign | nan;
      case NAN_NEGATIVE_ZERO, POWERS_OF_TWO -> nan;
      case FINITE -> sign | maxFinite;
    };
  }
}
