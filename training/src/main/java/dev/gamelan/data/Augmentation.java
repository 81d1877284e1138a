package dev.gamelan.data;

import java.util.random.RandomGenerator;

/** Changes an example at random, anew each time it is trained on. */
@FunctionalInterface
public interface Augmentation<T> {
  /**
   * @param random of this example in this epoch: it gives the same numbers whichever thread asks
   */
  T apply(T example, RandomGenerator random);

  /** This, then {@code next}. */
  default Augmentation<T> then(Augmentation<T> next) {
    return (example, random) -> next.apply(apply(example, random), random);
  }
}
