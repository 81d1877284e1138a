package dev.gamelan.tensorflow;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.PrecisionConformance;

class TensorFlowPrecisionTest extends PrecisionConformance {
  @Override
  protected Device device() {
    return new Device(TensorFlowEngine.NAME, 0);
  }
}
