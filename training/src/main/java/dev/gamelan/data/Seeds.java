package dev.gamelan.data;

import java.util.SplittableRandom;

/**
 * Generators that depend on nothing but what they are for, so that an epoch can resume anywhere.
 */
final class Seeds {
  /** 2⁶⁴ divided by the golden ratio: what SplittableRandom itself steps by. */
  private static final long STEP = 0x9E3779B97F4A7C15L;

  private Seeds() {}

  static SplittableRandom of(long seed, int epoch) {
    return new SplittableRandom(seed * STEP + epoch);
  }

  static SplittableRandom of(long seed, int epoch, long example) {
    return new SplittableRandom(of(seed, epoch).nextLong() ^ (example * STEP));
  }
}
