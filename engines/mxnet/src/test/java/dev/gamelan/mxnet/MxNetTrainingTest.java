package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.TrainingConformance;

class MxNetTrainingTest extends TrainingConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }
}
