import dev.gamelan.engine.EngineProvider;
import dev.gamelan.tensorflow.TensorFlowEngineProvider;

/** TensorFlow as an engine: graphs become StableHLO, which its XLA compiles. */
module dev.gamelan.tensorflow {
  requires transitive dev.gamelan.core;
  requires static org.jspecify;

  exports dev.gamelan.tensorflow;

  provides EngineProvider with
      TensorFlowEngineProvider;
}
