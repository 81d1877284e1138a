package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.ThreadingConformance;

class OneDnnThreadingTest extends ThreadingConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
