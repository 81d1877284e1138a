package dev.gamelan.onednn.asm;

/** When a jump is taken, after a signed comparison. */
public enum Condition {
  EQUAL(0x4),
  NOT_EQUAL(0x5),
  LESS(0xC),
  GREATER_OR_EQUAL(0xD);

  final int code;

  Condition(int code) {
    this.code = code;
  }
}
