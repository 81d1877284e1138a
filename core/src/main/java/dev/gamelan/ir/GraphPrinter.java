package dev.gamelan.ir;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Writes a graph as text that {@link GraphParser} reads back to an equal graph:
 *
 * <pre>{@code
 * (%0: f32[2,3], %1: f32[3]) {
 *   %2 = broadcast_in_dim[shape=[2,3], axes=[1]] %1 : f32[2,3]
 *   %3 = add %0, %2 : f32[2,3]
 *   return %3
 * }
 * }</pre>
 */
public final class GraphPrinter {
  private GraphPrinter() {}

  public static String print(Graph graph) {
    return print(graph, "");
  }

  static String print(Graph graph, String indent) {
    var text = new StringBuilder();
    text.append(
        graph.inputs().stream()
            .map(input -> input + ": " + input.type())
            .collect(Collectors.joining(", ", "(", ") {\n")));
    for (var node : graph.nodes()) {
      text.append(indent).append("  ").append(print(node, indent + "  ")).append('\n');
    }
    return text.append(indent)
        .append(values("  return", graph.outputs()))
        .append('\n')
        .append(indent)
        .append('}')
        .toString();
  }

  /** One line, but for the bodies of control flow. */
  public static String print(Node node) {
    return print(node, "");
  }

  private static String print(Node node, String indent) {
    int results = node.results().size();
    var types =
        node.results().stream().map(r -> r.type().toString()).collect(Collectors.joining(", "));
    return "%%%d%s = %s : %s"
        .formatted(
            node.id(),
            results == 1 ? "" : ":" + results,
            values(node.op().name() + Attributes.print(node.op(), indent), node.inputs()),
            types)
        .stripTrailing();
  }

  private static String values(String head, List<Value> values) {
    if (values.isEmpty()) return head;
    return values.stream().map(Value::toString).collect(Collectors.joining(", ", head + " ", ""));
  }
}
