package dev.gamelan.ir;

import java.util.Locale;

/** Pointwise functions of two operands of one type. */
public enum BinaryKind {
  ADD,
  SUB,
  MUL,
  DIV,
  REM,
  POW,
  MAX,
  MIN,
  ATAN2,
  AND,
  OR,
  XOR,
  SHIFT_LEFT,
  SHIFT_RIGHT_LOGICAL,
  SHIFT_RIGHT_ARITHMETIC;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
