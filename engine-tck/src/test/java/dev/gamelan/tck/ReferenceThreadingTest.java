package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferenceThreadingTest extends ThreadingConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
