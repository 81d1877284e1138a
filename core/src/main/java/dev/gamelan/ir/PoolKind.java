package dev.gamelan.ir;

import java.util.Locale;

/** What a pooling window becomes. */
public enum PoolKind {
  MAX,
  AVERAGE,
  SUM;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
