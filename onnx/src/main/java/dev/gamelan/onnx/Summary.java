package dev.gamelan.onnx;

import dev.gamelan.onnx.proto.GraphProto;
import dev.gamelan.onnx.proto.NodeProto;
import dev.gamelan.onnx.proto.ValueInfoProto;
import dev.gamelan.onnx.read.ModelFile;
import dev.gamelan.onnx.read.Operators;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/** A model file in a few lines. */
final class Summary {
  private Summary() {}

  static String of(ModelFile file) {
    var model = file.model();
    var graph = model.graph();
    var text = new StringBuilder();
    ports(text, "inputs", file.inputs());
    ports(text, "outputs", graph.outputs());
    var counts = new TreeMap<String, Integer>();
    var functions = new HashSet<String>();
    model.functions().forEach(f -> functions.add(f.domain() + "." + f.name()));
    count(graph, counts);
    model.functions().forEach(f -> f.nodes().forEach(node -> count(node, counts)));
    int nodes = counts.values().stream().mapToInt(Integer::intValue).sum();
    line(text, "operators", "%d nodes".formatted(nodes));
    counts.entrySet().stream()
        .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
        .forEach(entry -> line(text, "", "%6d %s".formatted(entry.getValue(), entry.getKey())));
    var weights = file.trainable();
    long elements = weights.stream().mapToLong(tensor -> tensor.type().size()).sum();
    line(
        text,
        "parameters",
        String.format(Locale.ROOT, "%,d in %d tensors", elements, weights.size()));
    line(text, "opset", model.opsets().toString().replace("{=", "{ai.onnx="));
    line(text, "written by", model.producer() + ", format " + model.irVersion());
    line(text, "size", String.format(Locale.ROOT, "%,d bytes", file.size()));
    var missing =
        missing(
            graph, functions, model.functions().stream().flatMap(f -> f.nodes().stream()).toList());
    var imports =
        missing.isEmpty() ? "yes" : "no: there is no operator " + String.join(", ", missing);
    line(text, "imports", file.unreadable().map(why -> "no: " + why).orElse(imports));
    return text.toString();
  }

  private static void line(StringBuilder text, String title, String content) {
    text.append(String.format(Locale.ROOT, "%-12s %s%n", title, content));
  }

  private static void ports(StringBuilder text, String title, List<ValueInfoProto> ports) {
    var shown = title;
    for (var port : ports) {
      line(text, shown, port.name() + ": " + port.type());
      shown = "";
    }
  }

  private static void count(GraphProto graph, Map<String, Integer> counts) {
    graph.nodes().forEach(node -> count(node, counts));
  }

  private static void count(NodeProto node, Map<String, Integer> counts) {
    counts.merge(node.operator(), 1, Integer::sum);
    inner(node).forEach(graph -> count(graph, counts));
  }

  private static List<GraphProto> inner(NodeProto node) {
    return node.attributes().values().stream()
        .map(attribute -> attribute.graph())
        .filter(Objects::nonNull)
        .toList();
  }

  private static Set<String> missing(
      GraphProto graph, Set<String> functions, List<NodeProto> ofFunctions) {
    var missing = new HashSet<String>();
    graph.nodes().forEach(node -> missing(node, functions, missing));
    ofFunctions.forEach(node -> missing(node, functions, missing));
    return missing;
  }

  private static void missing(NodeProto node, Set<String> functions, Set<String> missing) {
    boolean known =
        functions.contains(node.domain() + "." + node.opType())
            || Operators.names(node.domain()).contains(node.opType());
    if (!known) missing.add("'%s' (node '%s')".formatted(node.operator(), node.name()));
    for (var graph : inner(node)) graph.nodes().forEach(n -> missing(n, functions, missing));
  }
}
