/** The graph, its passes, differentiation, the engine SPI, tensors, layers and optimisers. */
module dev.gamelan.core {
  requires static transitive org.jspecify;
  requires jdk.management;

  exports dev.gamelan.type;
  exports dev.gamelan.ir;
  exports dev.gamelan.pass;
  exports dev.gamelan.stablehlo;
  exports dev.gamelan.autodiff;
  exports dev.gamelan.engine;
  exports dev.gamelan.engine.reference;
  exports dev.gamelan.exchange;
  exports dev.gamelan.tensor;
  exports dev.gamelan.nn;
  exports dev.gamelan.optim;

  uses dev.gamelan.engine.EngineProvider;

  provides dev.gamelan.engine.EngineProvider with
      dev.gamelan.engine.reference.ReferenceEngineProvider;
}
