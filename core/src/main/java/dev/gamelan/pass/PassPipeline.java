package dev.gamelan.pass;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphVerifier;
import java.util.List;

/** Passes one after the other; each result is verified when assertions are on. */
public record PassPipeline(List<Pass> passes) implements Pass {
  public PassPipeline {
    passes = List.copyOf(passes);
  }

  public static PassPipeline of(Pass... passes) {
    return new PassPipeline(List.of(passes));
  }

  @Override
  public Graph apply(Graph graph) {
    var rewritten = graph;
    for (var pass : passes) {
      rewritten = pass.apply(rewritten);
      assert GraphVerifier.verifySameSignature(graph, rewritten);
    }
    return rewritten;
  }
}
