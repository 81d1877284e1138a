package dev.gamelan.onednn.code;

import java.util.Locale;

/** A level of vector instructions that an emitter is written for, the least first. */
public enum Isa {
  /** No machine code. */
  NONE,
  /** With FMA, F16C and BMI2. */
  AVX2,
  /** F, BW, DQ, VL and CD, as every server CPU since 2017 has them. */
  AVX512;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
