package dev.gamelan.onednn.kernel;

/** What an instruction of a kernel computes, in lanes of 32 bits. */
public enum Opcode {
  /** The element of operand {@code immediate}, or its one value of this row. */
  LOAD,
  /** The bits {@code immediate}. */
  CONSTANT,

  ADD,
  SUB,
  MUL,
  DIV,
  /** As the CPU does it: the second where either is NaN or both are zero. */
  MAX,
  MIN,
  /** a × b + c, rounded once. */
  FMA,
  /** c − a × b, rounded once. */
  FNMA,
  SQRT,
  /** To an integral value; the rounding mode is the immediate, {@link #NEAREST} and so on. */
  ROUND,
  /** To i32, truncating; what does not fit becomes the least i32. */
  TO_INT,
  /** To i32, rounding to nearest even. */
  TO_NEAREST_INT,
  /** From i32. */
  TO_FLOAT,
  /** To the precision of f16. */
  ROUND_F16,
  /** a × 2^b for an integral b; AVX-512 only. */
  SCALE,

  AND,
  OR,
  XOR,
  INT_ADD,
  INT_SUB,
  INT_MUL,
  INT_MAX,
  INT_MIN,
  UNSIGNED_MAX,
  UNSIGNED_MIN,
  /** By {@code immediate} bits. */
  SHIFT_LEFT,
  SHIFT_RIGHT,
  SHIFT_RIGHT_SIGNED,
  /** By the second operand's bits; from 32 on the result is 0, or the sign. */
  SHIFT_LEFT_BY,
  SHIFT_RIGHT_BY,
  SHIFT_RIGHT_SIGNED_BY,

  /** c where a and b compare as {@code immediate} says, a {@link Predicate}, else d. */
  SELECT,

  /** To operand {@code immediate}; no result. */
  STORE,

  /** Combine the elements of a row, or of a column; the result is one value a row. */
  REDUCE_SUM,
  REDUCE_PRODUCT,
  /** NaN wins. */
  REDUCE_MAX,
  REDUCE_MIN,
  REDUCE_INT_SUM,
  REDUCE_INT_PRODUCT,
  REDUCE_INT_MAX,
  REDUCE_INT_MIN,
  REDUCE_UNSIGNED_MAX,
  REDUCE_UNSIGNED_MIN,
  REDUCE_AND,
  REDUCE_OR;

  public static final int NEAREST = 8;
  public static final int DOWN = 9;
  public static final int UP = 10;
  public static final int TOWARDS_ZERO = 11;

  boolean isReduction() {
    return compareTo(REDUCE_SUM) >= 0;
  }

  /** Bits of what a reduction of nothing gives. */
  int identity() {
    return switch (this) {
      case REDUCE_SUM, REDUCE_INT_SUM, REDUCE_OR, REDUCE_UNSIGNED_MAX -> 0;
      case REDUCE_PRODUCT -> Float.floatToRawIntBits(1);
      case REDUCE_MAX -> Float.floatToRawIntBits(Float.NEGATIVE_INFINITY);
      case REDUCE_MIN -> Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
      case REDUCE_INT_PRODUCT -> 1;
      case REDUCE_INT_MAX -> Integer.MIN_VALUE;
      case REDUCE_INT_MIN -> Integer.MAX_VALUE;
      case REDUCE_UNSIGNED_MIN, REDUCE_AND -> -1;
      default -> throw new IllegalStateException(this + " is no reduction");
    };
  }
}
