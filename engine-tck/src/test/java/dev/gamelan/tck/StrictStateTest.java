package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictStateTest extends StateConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
