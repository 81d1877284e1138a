package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class StrictTrainingTest extends TrainingConformance {
  @Override
  protected Device device() {
    return new Device(StrictEngine.NAME, 0);
  }
}
