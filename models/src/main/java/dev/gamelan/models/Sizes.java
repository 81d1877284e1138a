package dev.gamelan.models;

/** What configurations must hold. */
final class Sizes {
  private Sizes() {}

  static void requireHeadsDivide(String model, long heads, long width) {
    if (heads < 1 || width < 1 || width % heads != 0) {
      throw new IllegalArgumentException(
          "%s: the heads must divide the width; got %d heads and width %d"
              .formatted(model, heads, width));
    }
  }
}
