package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.ThreadingConformance;

class PyTorchThreadingTest extends ThreadingConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
