package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.PrecisionConformance;

class PyTorchPrecisionTest extends PrecisionConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
