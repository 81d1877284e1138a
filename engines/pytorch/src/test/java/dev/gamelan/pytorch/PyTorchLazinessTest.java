package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LazinessConformance;

class PyTorchLazinessTest extends LazinessConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
