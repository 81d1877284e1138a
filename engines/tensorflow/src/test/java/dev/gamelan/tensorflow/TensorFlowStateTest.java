package dev.gamelan.tensorflow;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.StateConformance;

class TensorFlowStateTest extends StateConformance {
  @Override
  protected Device device() {
    return new Device(TensorFlowEngine.NAME, 0);
  }

  /** XLA clamps. */
  @Override
  protected boolean checksIndices() {
    return false;
  }
}
