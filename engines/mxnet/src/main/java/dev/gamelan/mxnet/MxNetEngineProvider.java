package dev.gamelan.mxnet;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineProvider;
import java.util.Optional;

/** Offers the engine where its native library is on the class path; nothing is downloaded. */
public final class MxNetEngineProvider implements EngineProvider {
  @Override
  public String name() {
    return MxNetEngine.NAME;
  }

  @Override
  public int priority() {
    return 2;
  }

  @Override
  public Optional<String> missing() {
    var machine = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!machine.equals("Linux amd64")) {
      return Optional.of("it needs Linux on x86-64; use the reference engine");
    }
    return NativeLibrary.isOnClassPath()
        ? Optional.empty()
        : Optional.of("its library is not on the class path; add " + NativeLibrary.ARTIFACT);
  }

  @Override
  public Engine create() {
    return new MxNetEngine();
  }
}
