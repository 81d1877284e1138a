package dev.gamelan.benchmarks;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.tensor.Devices;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** A contender whose tensors are on an engine that is not the default. */
final class OnEngine implements Contender {
  private final Device device;
  private final Contender contender;

  private OnEngine(Device device, Contender contender) {
    this.device = device;
    this.contender = contender;
  }

  static Contender of(String engine, Supplier<Contender> contender) {
    var device = Engines.get(engine).devices().getFirst();
    return new OnEngine(device, Devices.use(device, contender));
  }

  @Override
  public float[] result() {
    return run(contender::result);
  }

  @Override
  public void call() {
    run(
        () -> {
          contender.call();
          return device;
        });
  }

  private <T> T run(Callable<T> body) {
    return Devices.use(
        device,
        () -> {
          try {
            return body.call();
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Override
  public void close() {
    contender.close();
  }
}
