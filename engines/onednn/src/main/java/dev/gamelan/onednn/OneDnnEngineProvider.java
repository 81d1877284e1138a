package dev.gamelan.onednn;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineProvider;
import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import java.util.Optional;

/** Offers the engine where there is an emitter for the CPU. */
public final class OneDnnEngineProvider implements EngineProvider {
  @Override
  public String name() {
    return OneDnnEngine.NAME;
  }

  @Override
  public int priority() {
    return 10;
  }

  @Override
  public Optional<String> missing() {
    var isa = Cpu.detect().cappedTo(Configuration.ofSystem().isa()).isa();
    return isa == Isa.NONE
        ? Optional.of(
            "it needs Linux on x86-64 with AVX2, and executable memory; use the reference engine")
        : Optional.empty();
  }

  @Override
  public Engine create() {
    return new OneDnnEngine();
  }
}
