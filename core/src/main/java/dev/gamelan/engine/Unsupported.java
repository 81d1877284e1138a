package dev.gamelan.engine;

/** Why an engine can't run a graph: what (op and types), and the way out. */
public record Unsupported(String what, String remedy) {
  @Override
  public String toString() {
    return what + "; " + remedy;
  }
}
