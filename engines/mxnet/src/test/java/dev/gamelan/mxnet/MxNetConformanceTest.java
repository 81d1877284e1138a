package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.EngineConformance;

class MxNetConformanceTest extends EngineConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }
}
