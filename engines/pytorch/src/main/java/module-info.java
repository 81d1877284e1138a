import dev.gamelan.engine.EngineProvider;
import dev.gamelan.pytorch.PyTorchEngineProvider;

/** PyTorch as an engine: graphs become TorchScript. */
module dev.gamelan.pytorch {
  requires transitive dev.gamelan.core;
  requires static org.jspecify;
  requires ai.djl.pytorch_engine;

  exports dev.gamelan.pytorch;

  provides EngineProvider with
      PyTorchEngineProvider;
}
