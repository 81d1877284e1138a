package dev.gamelan.tck;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineProvider;
import java.util.Optional;

/** Offers the strict engine, by name only. */
public final class StrictEngineProvider implements EngineProvider {
  @Override
  public String name() {
    return StrictEngine.NAME;
  }

  @Override
  public int priority() {
    return -1;
  }

  @Override
  public Optional<String> missing() {
    return Optional.empty();
  }

  @Override
  public Engine create() {
    return new StrictEngine();
  }
}
