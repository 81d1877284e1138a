package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictThreadingTest extends ThreadingConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
