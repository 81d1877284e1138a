package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferencePrecisionTest extends PrecisionConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
