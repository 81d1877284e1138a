package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictLazinessTest extends LazinessConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
