package dev.gamelan.onednn.kernel;

/** How SELECT compares; floating-point ones but the last two are false on NaN. */
public enum Predicate {
  EQUAL(0),
  LESS(1),
  LESS_OR_EQUAL(2),
  /** True on NaN. */
  NOT_EQUAL(3),
  /** Either is NaN. */
  UNORDERED(4),
  INT_EQUAL(5),
  INT_LESS(6);

  /** The immediate of the instruction. */
  final int code;

  Predicate(int code) {
    this.code = code;
  }

  static Predicate of(int code) {
    for (var predicate : values()) if (predicate.code == code) return predicate;
    throw new IllegalArgumentException("no predicate has the code " + code);
  }
}
