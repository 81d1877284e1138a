package dev.gamelan.tensorflow;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.EngineConformance;

class TensorFlowConformanceTest extends EngineConformance {
  @Override
  protected Device device() {
    return new Device(TensorFlowEngine.NAME, 0);
  }
}
