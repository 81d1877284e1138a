package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LayerConformance;

class MxNetLayerTest extends LayerConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }
}
