package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferenceTrainingTest extends TrainingConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
