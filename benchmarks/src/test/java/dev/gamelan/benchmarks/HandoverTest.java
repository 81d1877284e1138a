package dev.gamelan.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HandoverTest {
  /** Light goes a metre in 3 ns; what takes a millisecond went by way of the scheduler. */
  @Test
  void aLineTakesNanoseconds() {
    double nanos = Handover.nanos();
    assertTrue(nanos > 0 && nanos < 1e6, "" + nanos);
  }
}
