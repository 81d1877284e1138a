package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.ThreadingConformance;

class MxNetThreadingTest extends ThreadingConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }
}
