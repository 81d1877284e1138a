package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.LazinessConformance;

class MxNetLazinessTest extends LazinessConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }
}
