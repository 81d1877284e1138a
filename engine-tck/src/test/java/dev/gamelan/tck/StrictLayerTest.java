package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictLayerTest extends LayerConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
