package dev.gamelan.ir;

import java.util.HashSet;
import java.util.List;

/** Checks what every graph must satisfy; run after every pass when assertions are on. */
public final class GraphVerifier {
  private GraphVerifier() {}

  /**
   * Always true, so that it can stand in an assertion.
   *
   * @throws IllegalStateException naming the first node that is wrong
   */
  public static boolean verify(Graph graph) {
    var defined = new HashSet<Value>();
    int id = 0;
    for (var input : graph.inputs()) {
      check(input.node() == id++ && input.index() == 0, input, "inputs are numbered first");
      defined.add(input);
    }
    for (var node : graph.nodes()) {
      check(node.id() == id++, node, "nodes are numbered densely, in order");
      check(defined.containsAll(node.inputs()), node, "operands come before their use");
      var types = node.op().infer(node.inputs().stream().map(Value::type).toList());
      for (int i = 0; i < node.results().size(); i++) {
        var result = node.results().get(i);
        check(
            result.equals(new Value(node.id(), i, types.get(i))), node, "results are as inferred");
      }
      check(node.results().size() == types.size(), node, "results are as inferred");
      defined.addAll(node.results());
    }
    check(defined.containsAll(graph.outputs()), graph.outputs(), "outputs are values of the graph");
    return true;
  }

  /** That a pass kept the signature of {@code before}. */
  public static boolean verifySameSignature(Graph before, Graph after) {
    check(
        before.inputTypes().equals(after.inputTypes())
            && before.outputTypes().equals(after.outputTypes()),
        List.of(before.inputTypes(), after.inputTypes(), before.outputTypes(), after.outputTypes()),
        "passes keep the types of inputs and outputs");
    return verify(after);
  }

  private static void check(boolean holds, Object where, String rule) {
    if (!holds) throw new IllegalStateException("%s: broken at %s".formatted(rule, where));
  }
}
