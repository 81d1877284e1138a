package dev.gamelan.tensor;

/** A key and how many draws were made from it: draw n is the key folded with n. */
final class RandomState {
  private final RandomKey key;
  private int draws;

  RandomState(RandomKey key) {
    this.key = key;
  }

  synchronized RandomKey next() {
    return key.foldIn(draws++);
  }

  synchronized int draws() {
    return draws;
  }

  RandomKey key() {
    return key;
  }
}
