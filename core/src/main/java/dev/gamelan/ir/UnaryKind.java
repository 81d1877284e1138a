package dev.gamelan.ir;

import java.util.Locale;

/** Pointwise functions of one operand. {@code not} is logical on bool and bitwise on integers. */
public enum UnaryKind {
  NEG,
  ABS,
  SIGN,
  EXP,
  EXPM1,
  LOG,
  LOG1P,
  SQRT,
  RSQRT,
  SIN,
  COS,
  TANH,
  LOGISTIC,
  ERF,
  FLOOR,
  CEIL,
  ROUND_EVEN,
  NOT,
  IS_FINITE;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
