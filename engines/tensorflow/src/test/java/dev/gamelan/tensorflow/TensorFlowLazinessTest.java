package dev.gamelan.tensorflow;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LazinessConformance;

class TensorFlowLazinessTest extends LazinessConformance {
  @Override
  protected Device device() {
    return new Device(TensorFlowEngine.NAME, 0);
  }
}
