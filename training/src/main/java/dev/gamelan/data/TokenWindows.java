package dev.gamelan.data;

import dev.gamelan.io.HostArray;
import java.util.Arrays;

/**
 * Every window of a sequence of tokens, for a model that predicts the next one: inputs i32[block],
 * and as targets the same moved on by one.
 */
public final class TokenWindows implements Dataset<Example> {
  private final int[] tokens;
  private final int block;

  public TokenWindows(int[] tokens, int block) {
    if (block < 1 || tokens.length <= block) {
      throw new IllegalArgumentException(
          "token windows: a block of %d needs at least %d tokens; got %d; use a longer text or a shorter block"
              .formatted(block, block + 1L, tokens.length));
    }
    this.tokens = tokens.clone();
    this.block = block;
  }

  @Override
  public long size() {
    return (long) tokens.length - block;
  }

  @Override
  public Example get(long index) {
    int from = Math.toIntExact(index);
    return Example.of(
        HostArray.of(Arrays.copyOfRange(tokens, from, from + block)),
        HostArray.of(Arrays.copyOfRange(tokens, from + 1, from + 1 + block)));
  }
}
