package dev.gamelan.tensor;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.GraphPrinter;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Finds where a function's first NaN or infinity comes from: it is traced and run with a check of
 * every intermediate value. State stays as it is, whatever the function assigns.
 */
public final class FiniteCheck {
  private final Trace trace;
  private final Map<String, Parameter> names;
  private final Set<Value> bad;

  private FiniteCheck(Trace trace, Map<String, Parameter> names, Set<Value> bad) {
    this.trace = trace;
    this.names = names;
    this.bad = bad;
  }

  /**
   * One sentence about the first value that is not finite, among {@code arguments}, parameters, and
   * what {@code function} computes from them; empty if all are finite. Runs in the context's mode
   * and with its next key, as a compiled function would.
   *
   * @param names what to call parameters
   */
  public static Optional<String> firstNonFinite(
      Function<List<Tensor>, List<Tensor>> function,
      List<Tensor> arguments,
      Map<String, Parameter> names) {
    var context = Context.current();
    var device = context.device();
    Tensors.evaluate(arguments);
    var key = context.random() == null ? null : context.random().next().words();
    if (key != null) key.evaluate();
    var types = arguments.stream().map(Tensor::type).toList();
    var trace = Trace.of(function, types, device, key != null);
    var checked = new ArrayList<Value>();
    var graph = withChecks(trace.graph(), checked);
    if (checked.isEmpty()) return Optional.empty();
    var finite = run(trace, graph, arguments, key).toLongArray();
    var bad = new HashSet<Value>();
    for (int i = 0; i < finite.length; i++) if (finite[i] == 0) bad.add(checked.get(i));
    return new FiniteCheck(trace, names, bad).first();
  }

  private static Tensor run(
      Trace trace, Graph graph, List<Tensor> arguments, @Nullable Tensor key) {
    var device = Context.current().device();
    var budget = Engines.budget(device);
    var leases = new ArrayList<DeviceBuffer>();
    try (var executable = Engines.compile(graph, device, CompileOptions.DEFAULT);
        var _ = budget.reserve(executable.workspaceBytes(), "the workspace of a check")) {
      var inputs = new ArrayList<Buffer>();
      for (var source : trace.sources()) {
        var buffer = buffer(source, arguments, key);
        inputs.add(buffer.acquire());
        leases.add(buffer);
      }
      var reservation = budget.reserve(graph.outputs().getFirst().type());
      var owned = Evaluation.own(executable.run(inputs).getFirst(), reservation);
      return new Tensor(new LazyValue(LazyNode.leaf(owned, null), 0));
    } finally {
      leases.forEach(DeviceBuffer::release);
    }
  }

  private static DeviceBuffer buffer(
      Trace.Source source, List<Tensor> arguments, @Nullable Tensor key) {
    var lazy =
        switch (source) {
          case Trace.Source.Argument argument -> arguments.get(argument.index()).lazy();
          case Trace.Source.Key k -> Objects.requireNonNull(key).lazy();
          case Trace.Source.Captured captured -> captured.value();
          case Trace.Source.Made made -> made.value();
          case Trace.Source.State state -> state.parameter().value().evaluate().lazy();
        };
    var buffer = lazy.resolve().buffer();
    if (buffer == null) throw new IllegalStateException("what a run takes is evaluated");
    return buffer;
  }

  /** The graph with one result: for each floating-point value whether all of it is finite. */
  private static Graph withChecks(Graph graph, List<Value> checked) {
    return GraphBuilder.trace(
        graph.inputTypes(),
        (g, inputs) -> {
          var copies = g.copy(graph, inputs);
          var flags = new ArrayList<Value>();
          for (var input : graph.inputs()) check(g, input, copies.get(input), checked, flags);
          for (var node : graph.nodes()) {
            for (var result : node.results()) {
              check(g, result, copies.get(result), checked, flags);
            }
          }
          return flags.isEmpty() ? List.of() : List.of(g.concatenate(0, flags));
        });
  }

  private static void check(
      GraphBuilder g, Value value, Value copy, List<Value> checked, List<Value> flags) {
    if (!value.type().dtype().isFloat() || value.type().dtype().isStorage()) return;
    var finite = g.unary(UnaryKind.IS_FINITE, copy);
    var all = g.reduce(ReduceKind.AND, finite, copy.shape().axes());
    flags.add(g.reshape(all, Shape.of(1)));
    checked.add(value);
  }

  /**
   * First what makes a NaN or infinity of finite operands. Infinity among the inputs may be meant,
   * as in masks, so they are named only where no op is to blame.
   */
  private Optional<String> first() {
    return firstNode(node -> node.inputs().stream().noneMatch(bad::contains))
        .or(this::firstInput)
        .or(() -> firstNode(node -> true));
  }

  private Optional<String> firstNode(Predicate<Node> condition) {
    var nodes = trace.graph().nodes();
    for (int i = 0; i < nodes.size(); i++) {
      var node = nodes.get(i);
      boolean produces = node.results().stream().anyMatch(bad::contains);
      if (produces && !isConstant(node) && condition.test(node)) {
        return Optional.of(
            "the first op that gives NaN or infinity is '%s', at %s"
                .formatted(GraphPrinter.print(node), trace.sites().get(i)));
      }
    }
    return Optional.empty();
  }

  private Optional<String> firstInput() {
    for (int i = 0; i < trace.sources().size(); i++) {
      if (!bad.contains(trace.graph().inputs().get(i))) continue;
      var name = nameOf(trace.sources().get(i));
      if (name.isPresent()) return name;
    }
    return Optional.empty();
  }

  private static boolean isConstant(Node node) {
    return node.op() instanceof Primitive.Fill || node.op() instanceof Primitive.Constant;
  }

  private Optional<String> nameOf(Trace.Source source) {
    return switch (source) {
      case Trace.Source.Argument argument ->
          Optional.of("column %d of the batch has NaN or infinity".formatted(argument.index()));
      case Trace.Source.State state ->
          names.entrySet().stream()
              .filter(entry -> entry.getValue() == state.parameter())
              .map(entry -> "'%s' had NaN or infinity before the step".formatted(entry.getKey()))
              .findFirst();
      // A mask that is made outside may well be infinite.
      case Trace.Source.Key k -> Optional.empty();
      case Trace.Source.Captured captured -> Optional.empty();
      case Trace.Source.Made made -> Optional.empty();
    };
  }
}
