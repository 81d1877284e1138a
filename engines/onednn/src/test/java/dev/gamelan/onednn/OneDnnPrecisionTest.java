package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.PrecisionConformance;

class OneDnnPrecisionTest extends PrecisionConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
