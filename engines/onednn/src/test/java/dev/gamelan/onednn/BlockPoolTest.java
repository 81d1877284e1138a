package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BlockPoolTest {
  /**
   * Four classes to a power of two: 64, 80, 96, 112, 128, 160, …; a block is at most 1/4 too large.
   */
  @Test
  void classesAreTheLeastThatAreLargeEnough() {
    long[] bytes = {0, 1, 64, 65, 80, 81, 112, 113, 128, 129, 4096, 5000, (1L << 40) + 1};
    long[] sizes = {64, 64, 64, 80, 80, 96, 112, 128, 128, 160, 4096, 5120, 5L << 38};
    for (int i = 0; i < bytes.length; i++) {
      assertEquals(sizes[i], BlockPool.bytesOf(BlockPool.sizeClass(bytes[i])), bytes[i] + " bytes");
    }
  }

  @Test
  void aBlockThatWasGivenIsTakenAgainForTheSameClassOnly() {
    var pool = new BlockPool(1 << 20);
    var block = pool.take(1000);
    pool.give(block);
    assertNotEquals(block.memory().address(), pool.take(2000).memory().address());
    assertEquals(block.memory().address(), pool.take(1010).memory().address());
  }

  @Test
  void blocksAreAlignedToCacheLines() {
    var pool = new BlockPool(0);
    for (long bytes = 1; bytes < 10_000; bytes = bytes * 3 + 1) {
      assertTrue(pool.take(bytes).memory().address() % 64 == 0);
    }
  }

  @Test
  void aLargeBlockOfAnotherSizeFreesWhatLiesIdleLongest() {
    var pool = new BlockPool(1L << 40);
    long megabyte = 1L << 20;
    var old = pool.take(64 * megabyte);
    var young = pool.take(16 * megabyte);
    pool.give(old);
    pool.give(young);
    assertEquals(80 * megabyte, pool.idleBytes());
    pool.take(128 * megabyte);
    assertEquals(16 * megabyte, pool.idleBytes());
    assertEquals(young, pool.take(16 * megabyte));
    assertEquals(0, pool.idleBytes());
  }

  @Test
  void anEighthOfWhatIsInUseMayLieIdle() {
    var pool = new BlockPool(1L << 40);
    long megabyte = 1L << 20;
    pool.take(1024 * megabyte);
    var idle = pool.take(128 * megabyte);
    pool.give(idle);
    pool.take(256 * megabyte);
    assertEquals(128 * megabyte, pool.idleBytes());
  }
}
