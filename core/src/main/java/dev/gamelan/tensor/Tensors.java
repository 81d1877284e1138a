package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Functions of several tensors, or of none. */
public final class Tensors {
  private Tensors() {}

  // ---- evaluation

  /** Computes all of these now, as one graph. */
  public static void evaluate(Tensor... tensors) {
    evaluate(List.of(tensors));
  }

  public static void evaluate(Collection<Tensor> tensors) {
    var values = new ArrayList<LazyValue>(tensors.size());
    for (var tensor : tensors) values.add(tensor.lazy());
    Evaluation.run(values);
  }

  /** The values of parameters as of one moment: no step commits between two of them. */
  public static <K> Map<K, Tensor> snapshot(Map<K, Parameter> parameters) {
    var values = new LinkedHashMap<K, Tensor>();
    if (parameters.isEmpty()) return values;
    var lock = DeviceState.of(parameters.values().iterator().next().device()).stateLock();
    lock.lock();
    try {
      parameters.forEach((key, parameter) -> values.put(key, parameter.value()));
      evaluate(values.values());
    } finally {
      lock.unlock();
    }
    return values;
  }

  /**
   * Gives parameters the values of the same names, all of them or none.
   *
   * @param what they are, for errors: "the model"
   * @throws IllegalArgumentException naming what is missing, left over, or of another type
   */
  public static void restore(
      String what, Map<String, Parameter> parameters, Map<String, Tensor> values) {
    for (var entry : parameters.entrySet()) {
      var name = entry.getKey();
      var value = values.get(name);
      if (value == null) {
        throw new IllegalArgumentException(
            "%s needs a value for '%s'; there are %s".formatted(what, name, some(values.keySet())));
      }
      if (!value.type().equals(entry.getValue().type())) {
        throw new IllegalArgumentException(
            "'%s' of %s is %s; got %s"
                .formatted(name, what, entry.getValue().type(), value.type()));
      }
    }
    for (var name : values.keySet()) {
      if (!parameters.containsKey(name)) {
        throw new IllegalArgumentException(
            "'%s' is no part of %s; it has %s".formatted(name, what, some(parameters.keySet())));
      }
    }
    parameters.forEach(
        (name, parameter) -> parameter.assign(Objects.requireNonNull(values.get(name))));
  }

  /** The first few, for errors. */
  private static String some(Set<String> names) {
    var first = names.stream().limit(8).collect(Collectors.joining(", "));
    return names.size() <= 8 ? first : "%s, … (%d in all)".formatted(first, names.size());
  }

  /** A copy on another device. */
  public static Tensor copyTo(Tensor tensor, Device device) {
    if (tensor.device().equals(device)) return tensor;
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(Math.max(tensor.type().bytes(), 1), 64);
      tensor.read(bytes);
      return Devices.use(device, () -> Tensor.of(tensor.type(), bytes));
    }
  }

  /**
   * The graph of a function of tensors of these types, to look at or to export: what a compiled
   * function runs in the current mode. Its inputs are the arguments, then the parameters that it
   * reads.
   */
  public static Graph trace(
      Function<List<Tensor>, List<Tensor>> function, List<TensorType> arguments) {
    var context = Context.current();
    return Trace.of(function, arguments, context.device(), context.random() != null).graph();
  }

  /**
   * A function as a graph.
   *
   * @param inputs what the graph takes after the arguments: parameters, and tensors from outside
   */
  public record Traced(Graph graph, List<Variable> inputs) {
    public Traced {
      inputs = List.copyOf(inputs);
    }
  }

  /**
   * As {@link #trace}, with what the function reads besides its arguments.
   *
   * @throws IllegalArgumentException if it assigns parameters
   */
  public static Traced traceAll(
      Function<List<Tensor>, List<Tensor>> function, List<TensorType> arguments) {
    var trace = Trace.of(function, arguments, Context.current().device(), false);
    if (!trace.assigned().isEmpty()) {
      throw new IllegalArgumentException(
          "the function assigns %d parameters, which a graph alone can't; trace it in inference mode"
              .formatted(trace.assigned().size()));
    }
    var inputs = new ArrayList<Variable>();
    for (var source : trace.sources()) {
      switch (source) {
        case Trace.Source.Argument argument -> {}
        case Trace.Source.Key key -> throw new IllegalStateException("no key was given");
        case Trace.Source.State state -> inputs.add(state.parameter());
        case Trace.Source.Captured captured -> inputs.add(new Tensor(captured.value()));
        case Trace.Source.Made made -> inputs.add(new Tensor(made.value()));
      }
    }
    return new Traced(trace.graph(), inputs);
  }

  /** What {@code graph} computes of {@code inputs}: a node of it each, lazily. */
  public static List<Tensor> apply(Graph graph, List<Tensor> inputs) {
    if (!inputs.stream().map(Tensor::type).toList().equals(graph.inputTypes())) {
      throw new IllegalArgumentException(
          "the graph takes %s; got %s"
              .formatted(graph.inputTypes(), inputs.stream().map(Tensor::type).toList()));
    }
    var values = new HashMap<Value, Tensor>();
    for (int i = 0; i < inputs.size(); i++) values.put(graph.inputs().get(i), inputs.get(i));
    for (var node : graph.nodes()) {
      var operands = node.inputs().stream().map(values::get).toList();
      var results = Tensor.applyAll(node.op(), operands);
      for (int i = 0; i < results.size(); i++) values.put(node.results().get(i), results.get(i));
    }
    return graph.outputs().stream().map(values::get).toList();
  }

  // ---- new tensors

  public static Tensor zeros(DType dtype, long... shape) {
    return zeros(TensorType.of(dtype, shape));
  }

  public static Tensor zeros(TensorType type) {
    return full(type, 0);
  }

  public static Tensor ones(DType dtype, long... shape) {
    return full(TensorType.of(dtype, shape), 1);
  }

  public static Tensor full(TensorType type, double value) {
    return Tensor.apply(
        new Primitive.Fill(Scalar.of(type.dtype(), value), type.shape()), List.of());
  }

  /** 0, 1, … count − 1. */
  public static Tensor range(DType dtype, long count) {
    return Tensor.apply(new Primitive.Iota(TensorType.of(dtype, count), 0), List.of());
  }

  /** Uniform in [0, 1), drawn from the context's key. */
  public static Tensor uniform(DType dtype, long... shape) {
    var op = new RandomOp.RandomUniform(TensorType.of(dtype, shape));
    return Tensor.apply(op, List.of(RandomKey.draw().words()));
  }

  /** Standard normal, drawn from the context's key. */
  public static Tensor normal(DType dtype, long... shape) {
    var op = new RandomOp.RandomNormal(TensorType.of(dtype, shape));
    return Tensor.apply(op, List.of(RandomKey.draw().words()));
  }

  // ---- joining

  public static Tensor concatenate(int axis, List<Tensor> parts) {
    return Tensor.apply(new Primitive.Concatenate(parts.getFirst().shape().axis(axis)), parts);
  }

  /** Along a new axis. */
  public static Tensor stack(int axis, List<Tensor> parts) {
    return concatenate(axis, parts.stream().map(part -> part.expandAxis(axis)).toList());
  }

  // ---- control flow

  /** What one step of a scan gives: the next carries, and a slice of each stacked result. */
  public record Step(List<Tensor> carries, List<Tensor> slices) {}

  /**
   * Runs {@code body} for each slice of {@code sequences} along their first axis. It is called
   * once, with the carries and the slices. Gives the last carries and the stacked results. Random
   * draws differ from step to step.
   */
  public static Step scan(
      List<Tensor> initial,
      List<Tensor> sequences,
      BiFunction<List<Tensor>, List<Tensor>, Step> body) {
    if (sequences.isEmpty()) {
      throw new IllegalArgumentException(
          "scan: needs a sequence, whose first axis is the number of steps; pass Tensors.range");
    }
    long length = sequences.getFirst().dim(0);
    var loop = new LoopRandom();
    var types = new ArrayList<TensorType>();
    loop.start().forEach(tensor -> types.add(tensor.type()));
    initial.forEach(tensor -> types.add(tensor.type()));
    for (var sequence : sequences) {
      types.add(sequence.type().with(sequence.shape().without(List.of(0))));
    }
    int hidden = loop.start().size();
    int carries = hidden + initial.size();
    var stacked = new int[1];
    var traced =
        Body.trace(
            types,
            arguments ->
                loop.call(
                    arguments.subList(0, hidden),
                    () -> {
                      var step =
                          body.apply(
                              arguments.subList(hidden, carries),
                              arguments.subList(carries, arguments.size()));
                      stacked[0] = step.slices().size();
                      var results = new ArrayList<>(step.carries());
                      results.addAll(step.slices());
                      return results;
                    }));
    var operands = new ArrayList<>(loop.start());
    operands.addAll(initial);
    operands.addAll(sequences);
    operands.addAll(traced.captured());
    var op = new Primitive.Scan(traced.graph(), length, carries, sequences.size(), false);
    var results = Tensor.applyAll(op, operands);
    return new Step(results.subList(hidden, carries), results.subList(carries, results.size()));
  }

  /**
   * Runs {@code body} while {@code condition} gives true. Both are called once. Has no gradient.
   * Random draws differ from round to round.
   */
  public static List<Tensor> whileLoop(
      List<Tensor> initial,
      Function<List<Tensor>, Tensor> condition,
      Function<List<Tensor>, List<Tensor>> body) {
    var loop = new LoopRandom();
    var start = new ArrayList<>(loop.start());
    start.addAll(initial);
    int hidden = loop.start().size();
    var types = start.stream().map(Tensor::type).toList();
    var test =
        Body.trace(
            types, arguments -> List.of(condition.apply(arguments.subList(hidden, start.size()))));
    var step =
        Body.trace(
            types,
            arguments ->
                loop.call(
                    arguments.subList(0, hidden),
                    () -> body.apply(arguments.subList(hidden, start.size()))));
    var captured = Captures.merge(start.size(), List.of(test, step));
    var operands = new ArrayList<>(start);
    operands.addAll(captured.tensors());
    var graphs = captured.graphs();
    var op = new Primitive.While(graphs.getFirst(), graphs.get(1), start.size());
    return Tensor.applyAll(op, operands).subList(hidden, start.size());
  }

  /** What one of two functions gives; both are traced, one runs. */
  public static List<Tensor> cond(
      Tensor predicate, Supplier<List<Tensor>> onTrue, Supplier<List<Tensor>> onFalse) {
    var branches =
        List.of(
            Body.trace(List.of(), arguments -> onTrue.get()),
            Body.trace(List.of(), arguments -> onFalse.get()));
    var captured = Captures.merge(0, branches);
    var operands = new ArrayList<>(List.of(predicate));
    operands.addAll(captured.tensors());
    var graphs = captured.graphs();
    return Tensor.applyAll(new Primitive.Cond(graphs.getFirst(), graphs.get(1)), operands);
  }
}
