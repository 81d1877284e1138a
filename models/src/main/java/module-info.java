/** Well-known architectures as layers. */
module dev.gamelan.models {
  requires transitive dev.gamelan.core;

  exports dev.gamelan.models;
}
