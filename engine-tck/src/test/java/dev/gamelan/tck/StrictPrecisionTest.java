package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictPrecisionTest extends PrecisionConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
