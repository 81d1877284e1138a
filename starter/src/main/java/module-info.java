/** One line for a pom, or for a module: core, training and the default engine. */
module dev.gamelan {
  requires transitive dev.gamelan.core;
  requires transitive dev.gamelan.training;
}
