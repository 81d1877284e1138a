package dev.gamelan.ir;

import java.util.Locale;

/** How an update meets the element it lands on. */
public enum ScatterKind {
  SET,
  ADD,
  MUL,
  MAX,
  MIN;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
