package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.EngineConformance;

class PyTorchConformanceTest extends EngineConformance {
  @Override
  protected Device device() {
    return Devices.HOST;
  }
}
