package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LayerConformance;

class OneDnnLayerTest extends LayerConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
