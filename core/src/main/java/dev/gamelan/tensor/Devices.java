package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import java.util.function.Supplier;

/** Which device tensors are made on. */
public final class Devices {
  private Devices() {}

  /** The device of the enclosing {@link #use}, else the default one. */
  public static Device current() {
    return Context.current().device();
  }

  /** Runs {@code body} with tensors made on {@code device}, such as {@code reference:0}. */
  public static <T> T use(String device, Supplier<T> body) {
    return use(Engines.device(device), body);
  }

  public static <T> T use(Device device, Supplier<T> body) {
    return Context.current().with(device).call(body);
  }

  /** What the cache of compiled graphs of {@code device} did so far. */
  public static CacheStatistics cacheStatistics(Device device) {
    return DeviceState.of(device).cache().statistics();
  }
}
