package dev.gamelan.tck;

import dev.gamelan.engine.Device;
import dev.gamelan.tensor.Devices;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/** What the conformance classes of the tensor layer share. */
abstract class TensorConformance {
  protected abstract Device device();

  /** Runs on the device. */
  final void on(Runnable test) {
    Devices.use(
        device(),
        () -> {
          test.run();
          return true;
        });
  }

  final long runs() {
    return Devices.cacheStatistics(device()).runs();
  }

  final long compiled() {
    return Devices.cacheStatistics(device()).misses();
  }

  static <T> T inThread(Supplier<T> body) {
    var result = new AtomicReference<T>();
    var failure = new AtomicReference<Throwable>();
    var thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    result.set(body.get());
                  } catch (Throwable e) {
                    failure.set(e);
                  }
                });
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    if (failure.get() != null) throw new IllegalStateException(failure.get());
    return Objects.requireNonNull(result.get());
  }

  static String messageOf(Throwable error) {
    return String.valueOf(error.getMessage());
  }
}
