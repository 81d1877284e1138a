package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.StateConformance;

class PyTorchStateTest extends StateConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
