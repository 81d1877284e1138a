package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.PrecisionConformance;

class MxNetPrecisionTest extends PrecisionConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }
}
