package dev.gamelan.tensor;

import dev.gamelan.ir.RandomOp;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Supplier;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The key of a stream of random numbers: two words. The same key gives the same numbers, on every
 * engine.
 */
public final class RandomKey {
  private final long seed;
  private final @Nullable Tensor words;

  private RandomKey(long seed, @Nullable Tensor words) {
    this.seed = seed;
    this.words = words;
  }

  /** JAX's {@code random.key(seed)}; of no device until it is used. */
  public static RandomKey of(long seed) {
    return new RandomKey(seed, null);
  }

  static RandomKey of(Tensor words) {
    return new RandomKey(0, words);
  }

  /**
   * A key for each number, independent of this one; JAX's {@code random.fold_in}. Of a key that is
   * known it is worked out at once, so that the key of a training step costs no run on the device.
   */
  public RandomKey foldIn(int number) {
    if (words == null) return of(RandomOp.FoldIn.onHost(seed, number));
    var key = words;
    return of(Tensor.apply(new RandomOp.FoldIn(), List.of(key, Tensor.number(key, number))));
  }

  /** As {@link #foldIn(int)}, with an i32 scalar that may be computed. */
  public RandomKey foldIn(Tensor number) {
    return of(Tensor.apply(new RandomOp.FoldIn(), List.of(words(), number)));
  }

  /** A key for each name: of a layer, say. Folds the CRC-32 of its UTF-8 bytes. */
  public RandomKey foldIn(String name) {
    var checksum = new CRC32();
    checksum.update(name.getBytes(StandardCharsets.UTF_8));
    return foldIn((int) checksum.getValue());
  }

  /** The words, i32[2]. */
  public Tensor words() {
    return words != null ? words : Tensor.of(new int[] {(int) (seed >>> 32), (int) seed});
  }

  /** Runs {@code body} with draws from this key. */
  public <T> T use(Supplier<T> body) {
    return Context.current().with(new RandomState(this)).call(body);
  }

  /** The key of the next draw: of a dropout layer, say. */
  public static RandomKey draw() {
    var random = Context.current().random();
    if (random == null) {
      throw new IllegalStateException(
          "random numbers need a key, and the context has none; run this in"
              + " RandomKey.of(seed).use(() -> …)");
    }
    return random.next();
  }
}
