package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferenceConformanceTest extends EngineConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
