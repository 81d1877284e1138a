package dev.gamelan.onednn.kernel;

/**
 * How an element lies in memory. In a register every element takes 32 bits: floating-point ones as
 * f32, integers with sign or zeros extended; only {@code BF16} is stored from the low 16 bits.
 */
public enum ElementType {
  F32(4),
  BF16(2),
  F16(2),
  I32(4),
  I16(2),
  U16(2),
  I8(1),
  /** Bool too, as 0 or 1. */
  U8(1);

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  public int bytes() {
    return bytes;
  }

  /** log2 of the bytes. */
  int scale() {
    return Integer.numberOfTrailingZeros(bytes);
  }
}
