import dev.gamelan.engine.EngineProvider;
import dev.gamelan.onednn.OneDnnEngineProvider;

/** The embedded CPU engine: machine code of our own. */
module dev.gamelan.onednn {
  requires transitive dev.gamelan.core;
  requires static org.jspecify;

  exports dev.gamelan.onednn;

  provides EngineProvider with
      OneDnnEngineProvider;
}
