package dev.gamelan.onednn.asm;

/** The width of a vector register. */
public enum Width {
  X(16, 0),
  Y(32, 1),
  Z(64, 2);

  private final int bytes;

  /** The length field of VEX and EVEX. */
  final int code;

  Width(int bytes, int code) {
    this.bytes = bytes;
    this.code = code;
  }

  public int bytes() {
    return bytes;
  }
}
