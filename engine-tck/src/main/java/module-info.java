/** The conformance suite that every engine extends, and the engine that tests the core. */
module dev.gamelan.tck {
  requires transitive dev.gamelan.core;
  requires static org.junit.jupiter.api; // For the tests; the rows do without.

  exports dev.gamelan.tck;

  provides dev.gamelan.engine.EngineProvider with
      dev.gamelan.tck.StrictEngineProvider;
}
