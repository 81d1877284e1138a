package dev.gamelan.autodiff;

import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.GraphBuilder.Replacement;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reverse-mode automatic differentiation as a graph transformation. Copies the graph, expanding
 * what has no rule of its own where the parameters reach it, then walks that part back from the
 * loss and appends the nodes that compute the gradients.
 */
public final class ReverseMode {
  /**
   * A graph with its gradients.
   *
   * @param graph the inputs of the original; its outputs, then a gradient for each parameter
   * @param forward from the original's values to this graph's, so that nothing is computed twice
   */
  public record Differentiated(Graph graph, Replacement forward) {}

  private final GraphBuilder g;
  private final VjpRules rules;
  private final ControlFlowVjp controlFlow;

  /** What depends on a parameter; only these nodes are visited on the way back. */
  private final Set<Value> live = new HashSet<>();

  private final List<Node> tape = new ArrayList<>();
  private final Map<Value, Value> gradients = new HashMap<>();

  private ReverseMode(GraphBuilder g) {
    this.g = g;
    this.rules = new VjpRules(g);
    this.controlFlow = new ControlFlowVjp(g);
  }

  /**
   * Appends the gradients of {@code graph}'s output {@code loss}, a floating-point scalar, with
   * respect to the inputs numbered {@code parameters}; zeros where the loss does not depend on one.
   */
  public static Differentiated differentiate(Graph graph, int loss, List<Integer> parameters) {
    var lossType = graph.outputs().get(loss).type();
    if (lossType.rank() != 0 || !lossType.dtype().isFloat()) {
      throw new IllegalArgumentException(
          "gradients need a floating-point scalar loss; it is %s, so sum or average it first"
              .formatted(lossType));
    }
    for (int parameter : parameters) {
      var type = graph.inputs().get(parameter).type();
      if (!type.dtype().isFloat() || type.dtype().isStorage()) {
        throw new IllegalArgumentException(
            "gradients are with respect to floating-point tensors; %s is none, so convert it first"
                .formatted(type));
      }
    }
    var g = new GraphBuilder();
    var inputs = graph.inputs().stream().map(input -> g.input(input.type())).toList();
    var pass = new ReverseMode(g);
    parameters.forEach(parameter -> pass.live.add(inputs.get(parameter)));
    var forward = pass.copy(graph, inputs);
    var lossValue = forward.get(graph.outputs().get(loss));
    pass.accumulate(lossValue, g.fill(lossType, 1));
    pass.walkBack();
    var outputs = new ArrayList<>(forward.outputs(graph));
    parameters.forEach(parameter -> outputs.add(pass.gradientOf(inputs.get(parameter))));
    // Inputs came first, so the builder's values are numbered as the graph's.
    return new Differentiated(g.build(outputs), forward);
  }

  /**
   * The vector-Jacobian product of {@code graph} as a graph: takes its inputs and a gradient for
   * each floating-point output, gives a gradient for each of {@code parameters}.
   */
  public static Graph vjp(Graph graph, List<Integer> parameters) {
    var g = new GraphBuilder();
    var inputs = graph.inputs().stream().map(input -> g.input(input.type())).toList();
    var pass = new ReverseMode(g);
    parameters.forEach(parameter -> pass.live.add(inputs.get(parameter)));
    var forward = pass.copy(graph, inputs);
    for (var output : forward.outputs(graph)) {
      if (output.type().dtype().isFloat()) pass.accumulate(output, g.input(output.type()));
    }
    pass.walkBack();
    return g.build(parameters.stream().map(inputs::get).map(pass::gradientOf).toList());
  }

  // ---- forward

  private Replacement copy(Graph graph, List<Value> inputs) {
    var replacement = new Replacement();
    for (int i = 0; i < inputs.size(); i++) replacement.put(graph.inputs().get(i), inputs.get(i));
    for (var node : graph.nodes()) {
      replacement.put(node, emit(node.op(), replacement.get(node.inputs())));
    }
    return replacement;
  }

  private List<Value> emit(Op op, List<Value> operands) {
    boolean reached = operands.stream().anyMatch(live::contains);
    if (!reached) return g.addAll(op, operands);
    return switch (op) {
      case Composite composite when !hasVjp(composite, operands) -> {
        var types = operands.stream().map(Value::type).toList();
        var expansion = GraphBuilder.trace(types, composite::expand);
        yield copy(expansion, operands).outputs(expansion);
      }
      case Primitive.Cumulate cumulate when cumulate.kind() != ReduceKind.SUM -> {
        var scan =
            GraphBuilder.trace(
                List.of(operands.getFirst().type()),
                (b, in) -> List.of(ControlFlowVjp.cumulateAsScan(b, cumulate, in.getFirst())));
        yield copy(scan, operands).outputs(scan);
      }
      case Primitive.Scan scan -> {
        var node = record(ControlFlowVjp.keepingCarries(scan), operands);
        yield node.results().subList(0, node.results().size() - scan.carries());
      }
      default -> record(op, operands).results();
    };
  }

  private Node record(Op op, List<Value> operands) {
    var node = g.addNode(op, operands);
    for (var result : node.results()) {
      if (result.type().dtype().isFloat()) live.add(result);
    }
    tape.add(node);
    return node;
  }

  /** Asked on the side, with inputs in the place of operands, results and gradients. */
  private static boolean hasVjp(Composite op, List<Value> operands) {
    var g = new GraphBuilder();
    var inputs = operands.stream().map(operand -> g.input(operand.type())).toList();
    var results =
        op.infer(operands.stream().map(Value::type).toList()).stream().map(g::input).toList();
    return op.vjp(g, inputs, results, results).isPresent();
  }

  // ---- back

  private void walkBack() {
    tape.reversed().forEach(this::visit);
  }

  private void visit(Node node) {
    if (node.results().stream().noneMatch(gradients::containsKey)) {
      return; // The loss does not depend on it.
    }
    var resultGradients = node.results().stream().map(this::gradientOf).toList();
    var inputGradients = inputGradients(node, resultGradients);
    for (int i = 0; i < inputGradients.size(); i++) {
      var input = node.inputs().get(i);
      if (live.contains(input)) {
        inputGradients.get(i).ifPresent(gradient -> accumulate(input, gradient));
      }
    }
  }

  private List<Optional<Value>> inputGradients(Node node, List<Value> resultGradients) {
    var liveInputs = node.inputs().stream().map(live::contains).toList();
    return switch (node.op()) {
      case Composite composite -> composite(composite, node, resultGradients);
      case Primitive.Scan scan -> controlFlow.scan(scan, node, liveInputs, resultGradients);
      case Primitive.Cond cond -> controlFlow.cond(cond, node, liveInputs, resultGradients);
      default -> rules.apply(node, resultGradients);
    };
  }

  private List<Optional<Value>> composite(Composite op, Node node, List<Value> resultGradients) {
    var gradients = op.vjp(g, node.inputs(), node.results(), resultGradients).orElseThrow();
    var ofFloats = gradients.iterator();
    var all = new ArrayList<Optional<Value>>();
    for (var input : node.inputs()) {
      all.add(input.type().dtype().isFloat() ? Optional.of(ofFloats.next()) : Optional.empty());
    }
    return all;
  }

  private Value gradientOf(Value value) {
    var gradient = gradients.get(value);
    return gradient == null ? g.zerosLike(value) : gradient;
  }

  /** A value that is used twice receives the sum of both gradients. */
  private void accumulate(Value value, Value gradient) {
    gradients.merge(value, gradient, g::add);
  }
}
