package dev.gamelan.ir;

import java.util.Locale;

/** Complex to complex and its inverse; real to half-spectrum and its inverse. */
public enum FftKind {
  FORWARD,
  INVERSE,
  REAL_FORWARD,
  REAL_INVERSE;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
