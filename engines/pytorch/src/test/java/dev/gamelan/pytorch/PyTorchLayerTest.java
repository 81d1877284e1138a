package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LayerConformance;

class PyTorchLayerTest extends LayerConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
