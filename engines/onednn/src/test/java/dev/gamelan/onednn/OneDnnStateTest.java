package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.StateConformance;

class OneDnnStateTest extends StateConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
