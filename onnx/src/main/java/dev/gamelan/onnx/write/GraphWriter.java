package dev.gamelan.onnx.write;

import dev.gamelan.io.ProtoWriter;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes the nodes of a graph, and of the graphs that its control flow holds. */
final class GraphWriter {
  private final Emitter out;
  private final Map<Value, Name> names = new HashMap<>();

  /** What is broadcast, as it is before: ONNX's arithmetic does that by itself. */
  private final Map<Value, Name> narrow = new HashMap<>();

  private GraphWriter(Emitter out) {
    this.out = out;
  }

  /** The names of the graph's outputs; its inputs have the given names. */
  static List<Name> write(Emitter out, Graph graph, List<Name> inputs) {
    var writer = new GraphWriter(out);
    for (int i = 0; i < inputs.size(); i++) writer.names.put(graph.inputs().get(i), inputs.get(i));
    graph.nodes().forEach(writer::write);
    return graph.outputs().stream().map(writer::name).toList();
  }

  private void write(Node node) {
    var results = node(out, node, operands(node));
    var known = node.op() instanceof Primitive.BroadcastInDim ? narrow : names;
    for (int i = 0; i < results.size(); i++) known.put(node.results().get(i), results.get(i));
  }

  /** One of arithmetic's may be narrow: the other has the shape of the result. */
  private List<Name> operands(Node node) {
    boolean broadcasts =
        node.op() instanceof Primitive.Binary binary
            && PointwiseWriter.broadcasts(binary.kind(), node.result().type().dtype());
    var operands = new ArrayList<Name>();
    for (var input : node.inputs()) {
      var known = names.get(input);
      var stretched = narrow.get(input);
      if (known == null && stretched != null && broadcasts) {
        operands.add(stretched);
        broadcasts = false;
      } else {
        operands.add(name(input));
      }
    }
    return operands;
  }

  private Name name(Value value) {
    var known = names.get(value);
    if (known != null) return known;
    var stretched = narrow.get(value);
    if (stretched == null) throw new IllegalStateException(value + " has no name");
    var whole = out.expand(stretched, value.shape());
    names.put(value, whole);
    return whole;
  }

  private static List<Name> node(Emitter out, Node node, List<Name> operands) {
    return switch (node.op()) {
      case Primitive primitive -> PrimitiveWriter.write(out, primitive, operands, node.results());
      case Composite composite ->
          CompositeWriter.write(out, composite, operands)
              .orElseGet(() -> expanded(out, composite, operands));
    };
  }

  private static List<Name> expanded(Emitter out, Composite op, List<Name> operands) {
    var types = operands.stream().map(Name::type).toList();
    return write(out, GraphBuilder.trace(types, op::expand), operands);
  }

  // ---- control flow

  static List<Name> scan(Emitter out, Primitive.Scan scan, List<Name> operands) {
    int fixed = scan.carries() + scan.sequences();
    var body = out.nested();
    var parameters = new ArrayList<Name>();
    for (var type : scan.body().inputTypes().subList(0, fixed)) parameters.add(body.fresh(type));
    var inputs = new ArrayList<>(operands.subList(0, fixed));
    var arguments = new ArrayList<>(parameters);
    if (scan.sequences() == 0) {
      // ONNX tells the number of steps by a sequence: here one that the body does not look at.
      inputs.add(out.iota(Shape.of(scan.length()), 0));
      parameters.add(body.fresh(TensorType.of(DType.I64)));
    }
    arguments.addAll(operands.subList(fixed, operands.size()));
    var graph = graph(body, scan.body(), parameters, arguments);
    var types = scan.infer(operands.stream().map(Name::type).toList());
    long direction = scan.reverse() ? 1 : 0;
    int stacked = types.size() - scan.carries();
    int sequences = inputs.size() - scan.carries();
    return out.nodes(
        "Scan",
        types,
        inputs,
        Attribute.graph("body", graph),
        Attribute.of("num_scan_inputs", (long) sequences),
        Attribute.of("scan_input_directions", Collections.nCopies(sequences, direction)),
        Attribute.of("scan_output_directions", Collections.nCopies(stacked, direction)));
  }

  static List<Name> loop(Emitter out, Primitive.While loop, List<Name> operands) {
    var free = operands.subList(loop.carries(), operands.size());
    var start = write(out, loop.condition(), operands).getFirst();
    var body = out.nested();
    var step = body.fresh(TensorType.of(DType.I64));
    var before = body.fresh(start.type());
    var parameters = new ArrayList<>(List.of(step, before));
    var carries = new ArrayList<Name>();
    for (var operand : operands.subList(0, loop.carries())) carries.add(body.fresh(operand.type()));
    parameters.addAll(carries);
    var arguments = new ArrayList<>(carries);
    arguments.addAll(free);
    var next = distinct(body, write(body, loop.body(), arguments));
    var again = new ArrayList<>(next);
    again.addAll(free);
    var results = new ArrayList<>(distinct(body, write(body, loop.condition(), again)));
    results.addAll(next);
    var graph = body.graph("body", parameters, results);
    var inputs = new ArrayList<>(List.of("", start.text()));
    operands.subList(0, loop.carries()).forEach(name -> inputs.add(name.text()));
    var outputs = next.stream().map(name -> out.fresh(name.type())).toList();
    out.add("Loop", inputs, outputs, Attribute.graph("body", graph));
    return outputs;
  }

  static List<Name> cond(Emitter out, Primitive.Cond cond, List<Name> operands) {
    var arguments = operands.subList(1, operands.size());
    var yes = graph(out.nested(), cond.onTrue(), List.of(), arguments);
    var no = graph(out.nested(), cond.onFalse(), List.of(), arguments);
    return out.nodes(
        "If",
        cond.onTrue().outputTypes(),
        operands.subList(0, 1),
        Attribute.graph("then_branch", yes),
        Attribute.graph("else_branch", no));
  }

  private static ProtoWriter graph(
      Emitter body, Graph graph, List<Name> parameters, List<Name> arguments) {
    return body.graph("body", parameters, distinct(body, write(body, graph, arguments)));
  }

  /** Outputs that are inputs, names from outside, or twice the same pass through an identity. */
  private static List<Name> distinct(Emitter body, List<Name> outputs) {
    return outputs.stream().map(o -> body.node("Identity", o.type(), List.of(o))).toList();
  }
}
