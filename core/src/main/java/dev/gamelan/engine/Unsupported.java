package dev.gamelan.engine;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Primitive;
import java.util.Optional;

/** Why an engine can't run a graph: what (op and types), and the way out. */
public record Unsupported(String what, String remedy) {
  /** The first custom call, wherever it is: no engine but its own has it. */
  public static Optional<Unsupported> customCall(Graph graph) {
    for (var node : graph.nodes()) {
      if (node.op() instanceof Primitive.CustomCall call) {
        return Optional.of(
            new Unsupported(
                "custom_call '%s'".formatted(call.target()), "run it on the engine that has it"));
      }
      for (var body : node.op().bodies()) {
        var inside = customCall(body);
        if (inside.isPresent()) return inside;
      }
    }
    return Optional.empty();
  }

  @Override
  public String toString() {
    return what + "; " + remedy;
  }
}
