package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Everything that a lambda scopes. Threads that a program starts see none of it. */
record Context(
    @Nullable Device chosenDevice,
    Mode mode,
    Precision precision,
    @Nullable RandomState random,
    @Nullable Recording recording,
    @Nullable Scope scope) {
  private static final ScopedValue<Context> CURRENT = ScopedValue.newInstance();
  private static final Context OUTSIDE =
      new Context(null, Mode.INFERENCE, Precision.F32, null, null, null);

  static Context current() {
    return CURRENT.orElse(OUTSIDE);
  }

  Device device() {
    return chosenDevice == null ? Engines.defaultDevice() : chosenDevice;
  }

  Context with(Device other) {
    return new Context(other, mode, precision, random, recording, scope);
  }

  Context with(Mode other) {
    return new Context(chosenDevice, other, precision, random, recording, scope);
  }

  Context with(Precision other) {
    return new Context(chosenDevice, mode, other, random, recording, scope);
  }

  Context with(@Nullable RandomState other) {
    return new Context(chosenDevice, mode, precision, other, recording, scope);
  }

  Context with(Recording other) {
    return new Context(chosenDevice, mode, precision, random, other, scope);
  }

  Context with(Scope other) {
    return new Context(chosenDevice, mode, precision, random, recording, other);
  }

  /** The same device, mode and precision, with nothing that records or frees. */
  Context outside() {
    return new Context(chosenDevice, mode, precision, null, null, null);
  }

  <T> T call(Supplier<T> body) {
    return ScopedValue.where(CURRENT, this).call(body::get);
  }
}
