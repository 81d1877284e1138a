import dev.gamelan.engine.EngineProvider;
import dev.gamelan.mxnet.MxNetEngineProvider;

/** MXNet as an engine: graphs become symbols. */
module dev.gamelan.mxnet {
  requires com.fasterxml.jackson.databind;
  requires transitive dev.gamelan.core;
  requires static org.jspecify;

  exports dev.gamelan.mxnet;

  provides EngineProvider with
      MxNetEngineProvider;
}
