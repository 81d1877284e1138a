/** Data, training loop, file formats. */
module dev.gamelan.training {
  requires transitive dev.gamelan.core;
  requires com.fasterxml.jackson.databind;
  requires java.desktop;
  requires org.knowm.xchart;

  exports dev.gamelan.data;
  exports dev.gamelan.io;
  exports dev.gamelan.train;
}
