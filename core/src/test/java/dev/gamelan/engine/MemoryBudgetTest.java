package dev.gamelan.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
  private static final long MIB = 1L << 20;

  /**
   * 256 MiB at least, and then half of what is in use: 260 + 260 MiB stay, 260 more are too many.
   */
  @Test
  void unreachableBuffersAreLookedForWhenMuchWasReserved() {
    var budget = new MemoryBudget(new Device("test", 0), 1L << 40);
    var collections = new AtomicInteger();
    budget.onGrowth(collections::incrementAndGet);
    budget.reserve(250 * MIB, "first");
    assertEquals(0, collections.get());
    budget.reserve(10 * MIB, "second");
    assertEquals(1, collections.get());
    budget.reserve(250 * MIB, "third");
    assertEquals(1, collections.get());
    budget.reserve(10 * MIB, "fourth");
    assertEquals(2, collections.get());
  }

  @Test
  void whatIsGivenBackInTimeNeedsNoCollection() {
    var budget = new MemoryBudget(new Device("test", 0), 1L << 40);
    var collections = new AtomicInteger();
    budget.onGrowth(collections::incrementAndGet);
    for (int i = 0; i < 100; i++) budget.reserve(200 * MIB, "a step").close();
    assertEquals(0, collections.get());
  }
}
