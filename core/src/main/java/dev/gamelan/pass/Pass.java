package dev.gamelan.pass;

import dev.gamelan.ir.Graph;

/** A rewrite that keeps what a graph computes and the types of its inputs and outputs. */
@FunctionalInterface
public interface Pass {
  Graph apply(Graph graph);
}
