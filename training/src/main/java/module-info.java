/** Data, training loop, file formats. */
module dev.gamelan.training {
  requires transitive dev.gamelan.core;
  requires transitive com.fasterxml.jackson.databind;
  requires transitive java.desktop;
  requires org.apache.commons.csv;
  requires org.knowm.xchart;

  exports dev.gamelan.data;
  exports dev.gamelan.io;
  exports dev.gamelan.train;

  opens dev.gamelan.train to
      com.fasterxml.jackson.databind;
}
