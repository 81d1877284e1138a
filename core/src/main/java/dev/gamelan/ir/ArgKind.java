package dev.gamelan.ir;

import java.util.Locale;

/** Which element an arg_reduce finds. */
public enum ArgKind {
  MAX,
  MIN;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
