package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferenceLazinessTest extends LazinessConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
