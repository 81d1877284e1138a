package dev.gamelan.ir;

import java.util.Locale;

/** IEEE comparisons: every one but {@code ne} is false on NaN. */
public enum CompareKind {
  EQ,
  NE,
  LT,
  LE,
  GT,
  GE;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
