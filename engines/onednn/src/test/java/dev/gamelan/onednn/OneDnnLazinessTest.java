package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LazinessConformance;

class OneDnnLazinessTest extends LazinessConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
