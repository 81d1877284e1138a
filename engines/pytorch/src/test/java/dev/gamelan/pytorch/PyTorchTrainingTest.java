package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.TrainingConformance;

class PyTorchTrainingTest extends TrainingConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
