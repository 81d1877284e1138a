package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.TrainingConformance;

class OneDnnTrainingTest extends TrainingConformance {
  @Override
  protected Device device() {
    return new Device(OneDnnEngine.NAME, 0);
  }
}
