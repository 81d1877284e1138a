/** DJL's arrays, models and translators beside Gamelan's. */
@SuppressWarnings("requires-transitive-automatic") // DJL is one, by the name in its manifest.
module dev.gamelan.djl {
  requires transitive dev.gamelan.core;
  requires transitive ai.djl.api;
  requires static ai.djl.pytorch_engine;
  requires static dev.gamelan.mxnet;
  requires static dev.gamelan.pytorch;
  requires static dev.gamelan.tensorflow;
  requires static org.jspecify;

  exports dev.gamelan.djl;
}
