package dev.gamelan.tensorflow;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LayerConformance;

class TensorFlowLayerTest extends LayerConformance {
  @Override
  protected Device device() {
    return new Device(TensorFlowEngine.NAME, 0);
  }
}
