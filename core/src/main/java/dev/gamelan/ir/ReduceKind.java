package dev.gamelan.ir;

import java.util.Locale;

/** How a reduction combines elements. {@code max} and {@code min} propagate NaN. */
public enum ReduceKind {
  SUM,
  PROD,
  MAX,
  MIN,
  AND,
  OR;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
