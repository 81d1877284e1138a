package dev.gamelan.mxnet;

import dev.gamelan.engine.Device;
import dev.gamelan.tck.StateConformance;

class MxNetStateTest extends StateConformance {
  @Override
  protected Device device() {
    return new Device(MxNetEngine.NAME, 0);
  }

  /** MXNet clamps. */
  @Override
  protected boolean checksIndices() {
    return false;
  }
}
