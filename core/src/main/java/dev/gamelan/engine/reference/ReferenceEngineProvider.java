package dev.gamelan.engine.reference;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineProvider;
import java.util.Optional;

/** Offers the reference engine, which is never missing. */
public final class ReferenceEngineProvider implements EngineProvider {
  @Override
  public String name() {
    return ReferenceEngine.NAME;
  }

  @Override
  public int priority() {
    return 0;
  }

  @Override
  public Optional<String> missing() {
    return Optional.empty();
  }

  @Override
  public Engine create() {
    return new ReferenceEngine();
  }
}
