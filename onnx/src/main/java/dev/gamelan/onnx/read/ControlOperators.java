package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.proto.GraphProto;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Branches and loops. Where types are the same on every way they become cond, scan and while of our
 * graph; else the importer takes the way that the data says, step by step.
 */
final class ControlOperators {
  /** Steps of a loop that the importer takes itself. */
  private static final int MAX_STEPS = 1 << 16;

  private ControlOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("If", ControlOperators::branch),
        entry("Loop", ControlOperators::loop),
        entry("Scan", ControlOperators::scan));
  }

  /** A graph of an attribute that is built apart, with what it uses from outside. */
  private record Body(Block block, List<Operand> outputs) {
    /** Empty if an output is no tensor. */
    Optional<Graph> graph() {
      for (var output : outputs) {
        if (output instanceof Operand.Sequence || output instanceof Operand.Missing) {
          return Optional.empty();
        }
      }
      return Optional.of(block.build(outputs.stream().map(block::value).toList()));
    }

    List<Operand> captured() {
      return block.captured();
    }
  }

  private static GraphProto graph(OpContext n, String attribute) {
    var graph = n.required(attribute).graph();
    if (graph == null) throw n.error("needs a graph for '%s'".formatted(attribute));
    return graph;
  }

  private static Body body(OpContext n, GraphProto graph, List<TensorType> parameters) {
    if (graph.inputs().size() != parameters.size()) {
      throw n.error(
          "gives %d inputs to a graph that takes %d"
              .formatted(parameters.size(), graph.inputs().size()));
    }
    var block = new Block(true);
    var scope = n.scope().nested(block);
    for (int i = 0; i < parameters.size(); i++) {
      scope.bind(graph.inputs().get(i).name(), block.parameter(parameters.get(i)));
    }
    return new Body(block, n.importer().graph(graph, scope));
  }

  /** The nodes of {@code graph} among those of the node itself. */
  private static List<Operand> inline(OpContext n, GraphProto graph, List<Operand> arguments) {
    if (graph.inputs().size() != arguments.size()) {
      throw n.error(
          "gives %d inputs to a graph that takes %d"
              .formatted(arguments.size(), graph.inputs().size()));
    }
    var scope = n.scope().nested(n.scope().block());
    for (int i = 0; i < arguments.size(); i++) {
      scope.bind(graph.inputs().get(i).name(), arguments.get(i));
    }
    return n.importer().graph(graph, scope);
  }

  // ---- if

  private static List<Operand> branch(OpContext n) {
    var yes = graph(n, "then_branch");
    var no = graph(n, "else_branch");
    if (!(n.operand(0) instanceof Operand.Known)) {
      try {
        var cond = cond(n, body(n, yes, List.of()), body(n, no, List.of()));
        if (cond.isPresent()) return cond.get();
      } catch (NeedsData e) {
        // One branch alone may be possible.
      }
    }
    return inline(n, n.longAt(0) != 0 ? yes : no, List.of());
  }

  private static Optional<List<Operand>> cond(OpContext n, Body yes, Body no) {
    var onTrue = yes.graph();
    var onFalse = no.graph();
    if (onTrue.isEmpty()
        || onFalse.isEmpty()
        || !onTrue.get().outputTypes().equals(onFalse.get().outputTypes())) {
      return Optional.empty();
    }
    var operands = new LinkedHashSet<>(yes.captured());
    operands.addAll(no.captured());
    var all = List.copyOf(operands);
    var op =
        new Primitive.Cond(
            taking(all, yes.captured(), onTrue.get()), taking(all, no.captured(), onFalse.get()));
    var values = new ArrayList<>(List.of(n.g.reshape(n.x(0), Shape.scalar())));
    for (var operand : all) values.add(n.value(operand));
    return Optional.of(n.g.addAll(op, values).stream().map(n::computed).toList());
  }

  /** {@code graph} of {@code own} as a graph of {@code all}. */
  private static Graph taking(List<Operand> all, List<Operand> own, Graph graph) {
    var types = all.stream().map(Operand::type).toList();
    return GraphBuilder.trace(
        types,
        (g, values) -> g.inline(graph, own.stream().map(o -> values.get(all.indexOf(o))).toList()));
  }

  // ---- loop

  private static List<Operand> loop(OpContext n) {
    var graph = graph(n, "body");
    var carried = new ArrayList<Operand>();
    for (int i = 2; i < n.inputs(); i++) {
      carried.add(n.has(i) ? n.operand(i) : new Operand.Missing());
    }
    if (carried.stream()
        .noneMatch(o -> o instanceof Operand.Sequence || o instanceof Operand.Missing)) {
      try {
        var compiled = compiledLoop(n, graph, carried);
        if (compiled.isPresent()) return compiled.get();
      } catch (NeedsData e) {
        // With the step's number known it may be possible.
      }
    }
    return steppedLoop(n, graph, carried);
  }

  private static Optional<List<Operand>> compiledLoop(
      OpContext n, GraphProto graph, List<Operand> carried) {
    var types = new ArrayList<>(List.of(TensorType.of(DType.I64), TensorType.of(DType.BOOL)));
    carried.forEach(operand -> types.add(operand.type()));
    var body = body(n, graph, types);
    var compiled = body.graph();
    int states = carried.size();
    if (compiled.isEmpty() || body.outputs().size() <= states) return Optional.empty();
    var results = compiled.get().outputTypes();
    if (!results.subList(1, states + 1).equals(types.subList(2, states + 2))) {
      return Optional.empty();
    }
    var bodyGraph = compiled.get();
    boolean forever =
        bodyGraph.outputs().getFirst().equals(bodyGraph.inputs().get(1))
            || (body.outputs().getFirst() instanceof Operand.Known known
                && known.array().integers()[0] != 0);
    boolean starts =
        !n.has(1) || (n.operand(1) instanceof Operand.Known k && k.array().integers()[0] != 0);
    boolean counted = n.has(0) && n.operand(0) instanceof Operand.Known;
    if (forever && starts && counted) {
      return Optional.of(countedLoop(n, body, bodyGraph, carried, n.longAt(0)));
    }
    boolean stacks = results.size() > states + 1;
    return stacks ? Optional.empty() : Optional.of(whileLoop(n, body, bodyGraph, carried));
  }

  private static List<Operand> countedLoop(
      OpContext n, Body body, Graph graph, List<Operand> carried, long count) {
    var g = n.g;
    int states = carried.size();
    var types = new ArrayList<TensorType>();
    carried.forEach(operand -> types.add(operand.type()));
    types.add(TensorType.of(DType.I64));
    body.captured().forEach(operand -> types.add(operand.type()));
    var step =
        GraphBuilder.trace(
            types,
            (b, values) -> {
              var arguments = new ArrayList<Value>();
              arguments.add(values.get(states));
              arguments.add(b.scalar(DType.BOOL, 1L));
              arguments.addAll(values.subList(0, states));
              arguments.addAll(values.subList(states + 1, values.size()));
              var results = b.inline(graph, arguments);
              return results.subList(1, results.size());
            });
    var operands = new ArrayList<Value>();
    carried.forEach(operand -> operands.add(n.value(operand)));
    operands.add(g.iota(TensorType.of(DType.I64, Math.max(count, 0)), 0));
    body.captured().forEach(operand -> operands.add(n.value(operand)));
    var op = new Primitive.Scan(step, Math.max(count, 0), states, 1, false);
    return g.addAll(op, operands).stream().map(n::computed).toList();
  }

  private static List<Operand> whileLoop(
      OpContext n, Body body, Graph graph, List<Operand> carried) {
    var g = n.g;
    int states = carried.size() + 2;
    var operands = new ArrayList<Value>();
    operands.add(g.scalar(DType.I64, 0L));
    operands.add(n.has(1) ? scalar(n, 1) : g.scalar(DType.BOOL, 1L));
    carried.forEach(operand -> operands.add(n.value(operand)));
    body.captured().forEach(operand -> operands.add(n.value(operand)));
    operands.add(n.has(0) ? scalar(n, 0) : g.scalar(DType.I64, Long.MAX_VALUE));
    var types = operands.stream().map(Value::type).toList();
    int limit = types.size() - 1;
    var condition =
        GraphBuilder.trace(
            types,
            (b, v) ->
                List.of(
                    b.binary(
                        BinaryKind.AND,
                        v.get(1),
                        b.compare(CompareKind.LT, v.getFirst(), v.get(limit)))));
    var step =
        GraphBuilder.trace(
            types,
            (b, v) -> {
              var results = new ArrayList<>(b.inline(graph, v.subList(0, limit)));
              results.set(0, b.reshape(results.getFirst(), Shape.scalar()));
              results.addFirst(b.add(v.getFirst(), b.scalar(DType.I64, 1L)));
              return results;
            });
    var results = g.addAll(new Primitive.While(condition, step, states), operands);
    return results.subList(2, results.size()).stream().map(n::computed).toList();
  }

  private static Value scalar(OpContext n, int input) {
    return n.g.reshape(n.x(input), Shape.scalar());
  }

  private static List<Operand> steppedLoop(OpContext n, GraphProto graph, List<Operand> carried) {
    long most = n.has(0) ? n.longAt(0) : Long.MAX_VALUE;
    boolean running = !n.has(1) || n.longAt(1) != 0;
    int states = carried.size();
    List<Operand> state = carried;
    var stacks = new ArrayList<List<Operand>>();
    for (int i = states + 1; i < graph.outputs().size(); i++) stacks.add(new ArrayList<>());
    for (long step = 0; step < most && running; step++) {
      if (step >= MAX_STEPS) throw n.error("takes more than %d steps".formatted(MAX_STEPS));
      var arguments = new ArrayList<Operand>();
      arguments.add(number(DType.I64, step));
      arguments.add(number(DType.BOOL, 1));
      arguments.addAll(state);
      var results = inline(n, graph, arguments);
      if (results.size() <= states) throw n.error("has a body of too few outputs");
      running = n.importer().data(results.getFirst(), n).integers()[0] != 0;
      state = results.subList(1, states + 1);
      for (int i = 0; i < stacks.size(); i++) stacks.get(i).add(results.get(states + 1 + i));
    }
    var outputs = new ArrayList<>(state);
    for (int i = 0; i < stacks.size(); i++) {
      outputs.add(stacked(n, stacks.get(i), graph, states + 1 + i));
    }
    return outputs;
  }

  private static Operand number(DType dtype, long value) {
    return new Operand.Known(Array.of(TensorType.of(dtype), new long[] {value}));
  }

  private static Operand stacked(OpContext n, List<Operand> parts, GraphProto graph, int output) {
    if (parts.isEmpty()) {
      // Nothing was computed that could say the type; the file may.
      var type = graph.outputs().get(output).type();
      var dims = new ArrayList<>(List.of(0L));
      type.shape().ifPresent(s -> s.forEach(d -> dims.add(Math.max(d.size(), 0))));
      var empty = new TensorType(n.dtype(type.elementType()), Shape.of(dims));
      return n.computed(n.g.fill(empty, 0));
    }
    var rows =
        parts.stream().map(n::value).map(v -> n.g.reshape(v, v.shape().insert(0, 1))).toList();
    return n.computed(n.g.concatenate(0, rows));
  }

  // ---- scan

  private static List<Operand> scan(OpContext n) {
    var graph = graph(n, "body");
    int sequences = (int) n.required("num_scan_inputs").integer();
    if (n.opset() >= 9) {
      if (sequences < 1 || sequences > n.inputs()) {
        throw n.error("has %d scan inputs of %d".formatted(sequences, n.inputs()));
      }
      return scan(n, graph, sequences, n.xs(0)).stream().map(n::computed).toList();
    }
    // Before opset 9 the first axis is a batch, and the first input its lengths.
    if (n.has(0)) throw n.error("has sequence_lens, which only opset 8 had; it can't be imported");
    var g = n.g;
    var operands = n.xs(1);
    long batch = operands.getFirst().dim(0);
    var rows = new ArrayList<List<Value>>();
    for (long i = 0; i < batch; i++) {
      long row = i;
      var slices =
          operands.stream()
              .map(x -> g.reshape(g.slice(x, 0, row, row + 1), x.shape().without(List.of(0))))
              .toList();
      rows.add(scan(n, graph, sequences, slices));
    }
    var outputs = new ArrayList<Operand>();
    for (int i = 0; i < rows.getFirst().size(); i++) {
      int output = i;
      var parts = rows.stream().map(r -> r.get(output)).toList();
      outputs.add(
          n.computed(
              g.concatenate(
                  0, parts.stream().map(v -> g.reshape(v, v.shape().insert(0, 1))).toList())));
    }
    return outputs;
  }

  private static List<Value> scan(
      OpContext n, GraphProto graph, int sequences, List<Value> operands) {
    var g = n.g;
    int states = operands.size() - sequences;
    var inputAxes = n.integers("scan_input_axes", Collections.nCopies(sequences, 0L));
    var backwards = n.integers("scan_input_directions", Collections.nCopies(sequences, 0L));
    var inputs = new ArrayList<Value>();
    for (int i = 0; i < sequences; i++) {
      var x = operands.get(states + i);
      int axis = n.axis(inputAxes.get(i), x.shape());
      var order = new ArrayList<>(x.shape().otherAxes(List.of(axis)));
      order.addFirst(axis);
      x = g.transpose(x, order);
      inputs.add(backwards.get(i) == 0 ? x : g.add(new Primitive.Reverse(List.of(0)), x));
    }
    long length = inputs.getFirst().dim(0);
    var types = new ArrayList<TensorType>();
    operands.subList(0, states).forEach(v -> types.add(v.type()));
    inputs.forEach(v -> types.add(v.type().with(v.shape().without(List.of(0)))));
    var body = body(n, graph, types);
    var compiled = body.graph();
    if (compiled.isEmpty()) throw n.error("has a body that gives no tensors");
    var all = new ArrayList<>(operands.subList(0, states));
    all.addAll(inputs);
    body.captured().forEach(operand -> all.add(n.value(operand)));
    var op = new Primitive.Scan(compiled.get(), length, states, sequences, false);
    var results = new ArrayList<>(g.addAll(op, all));
    int stacked = results.size() - states;
    var outputAxes = n.integers("scan_output_axes", Collections.nCopies(stacked, 0L));
    var outputBackwards = n.integers("scan_output_directions", Collections.nCopies(stacked, 0L));
    for (int i = 0; i < stacked; i++) {
      var y = results.get(states + i);
      if (outputBackwards.get(i) != 0) y = g.add(new Primitive.Reverse(List.of(0)), y);
      int axis = n.axis(outputAxes.get(i), y.shape());
      var order = new ArrayList<>(ShapeOperators.axes(1, y.rank()));
      order.add(axis, 0);
      results.set(states + i, g.transpose(y, order));
    }
    return results;
  }
}
