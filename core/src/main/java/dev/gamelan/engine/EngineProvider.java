package dev.gamelan.engine;

import java.util.Optional;

/** Finds an engine on this machine. A service: see {@link java.util.ServiceLoader}. */
public interface EngineProvider {
  String name();

  /**
   * Higher is preferred as the default; the reference engine has 0; one below 0 is had by name
   * only.
   */
  int priority();

  /** Why the engine can't be had here, with the remedy; empty where it can. Cheap. */
  Optional<String> missing();

  /**
   * Loads the engine, once.
   *
   * @throws EngineException if that fails
   */
  Engine create();
}
