package dev.gamelan.tck;

import dev.gamelan.engine.Device;

class ReferenceStateTest extends StateConformance {
  @Override
  protected Device device() {
    return new Device("reference", 0);
  }
}
