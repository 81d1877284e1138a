package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictConformanceTest extends EngineConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
