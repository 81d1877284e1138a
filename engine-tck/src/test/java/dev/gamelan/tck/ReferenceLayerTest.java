package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferenceLayerTest extends LayerConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
