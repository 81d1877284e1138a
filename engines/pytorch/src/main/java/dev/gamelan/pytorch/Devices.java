package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import java.util.ArrayList;
import java.util.List;

/** The CPU is device 0; a CUDA build of the library has CUDA devices 0, 1, … as 1, 2, …. */
final class Devices {
  static final Device HOST = new Device(PyTorchEngine.NAME, 0);

  private Devices() {}

  static boolean isHost(Device device) {
    return device.index() == 0;
  }

  /** As PyTorch calls it. */
  static String torchName(Device device) {
    return isHost(device) ? "cpu" : "cuda:" + (device.index() - 1);
  }

  /** Those on which a tensor can be made. */
  static List<Device> discover() {
    var devices = new ArrayList<Device>();
    devices.add(HOST);
    for (var next = new Device(PyTorchEngine.NAME, 1);
        hasDevice(torchName(next));
        next = new Device(PyTorchEngine.NAME, devices.size())) {
      devices.add(next);
    }
    return devices;
  }

  private static boolean hasDevice(String name) {
    var probe = new TorchScript(name, 0);
    probe.output(probe.range(1));
    try (var module = Module.of(probe.source())) {
      for (long tensor : module.run()) PyTorchBindings.deleteTensor(tensor);
      return true;
    } catch (EngineException e) {
      return false;
    }
  }
}
