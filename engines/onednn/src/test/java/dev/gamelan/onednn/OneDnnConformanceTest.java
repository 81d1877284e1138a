package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.EngineConformance;

class OneDnnConformanceTest extends EngineConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
