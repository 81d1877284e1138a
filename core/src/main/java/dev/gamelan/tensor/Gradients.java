package dev.gamelan.tensor;

import dev.gamelan.autodiff.Checkpoint;
import dev.gamelan.autodiff.ReverseMode;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of what a function computes. {@link #loss} and {@link #of} are lazy tensors:
 * forward and backward run as one graph, and a gradient of gradients is a computation inside
 * another.
 */
public final class Gradients {
  private final Tensor loss;
  private final Map<Variable, Tensor> gradients;

  private Gradients(Tensor loss, Map<Variable, Tensor> gradients) {
    this.loss = loss;
    this.gradients = gradients;
  }

  /**
   * Runs {@code function}, which gives a scalar, and differentiates what it computed. What was made
   * before is a constant unless it is one of {@code variables}.
   *
   * @throws IllegalArgumentException if the loss does not depend on one of them
   */
  public static Gradients compute(List<? extends Variable> variables, Supplier<Tensor> function) {
    return compute(variables, function, false);
  }

  /** As {@link #compute}, with zeros for variables that the loss does not depend on. */
  public static Gradients computeAllowingUnused(
      List<? extends Variable> variables, Supplier<Tensor> function) {
    return compute(variables, function, true);
  }

  private static Gradients compute(
      List<? extends Variable> variables, Supplier<Tensor> function, boolean allowUnused) {
    var context = Context.current();
    var random = context.random() == null ? null : new RandomState(context.random().next());
    var starts = variables.stream().map(Gradients::start).toList();
    var recording = new Recording(Recording.Kind.GRADIENT, context.recording(), Set.copyOf(starts));
    try {
      var loss = context.with(recording).with(random).call(function);
      return differentiate(variables, starts, loss.lazy(), recording, allowUnused);
    } finally {
      recording.close();
    }
  }

  private static LazyValue start(Variable variable) {
    if (!variable.type().dtype().isFloat()) {
      throw new IllegalArgumentException(
          "gradients are with respect to floating-point tensors; %s is none, so convert it first"
              .formatted(variable.type()));
    }
    return switch (variable) {
      case Tensor tensor -> tensor.lazy();
      case Parameter parameter -> parameter.valueForRecording().resolve();
    };
  }

  private static Gradients differentiate(
      List<? extends Variable> variables,
      List<LazyValue> starts,
      LazyValue loss,
      Recording recording,
      boolean allowUnused) {
    var capture =
        new GraphCapture(
            value ->
                recording.isVariable(value)
                    || value.node().op == null
                    || value.node().recording != recording);
    capture.add(loss);
    refuseForeign(capture.leaves(), recording);
    var values = new HashMap<LazyValue, Value>();
    var graph = capture.graph(List.of(loss), values);
    var leaves = new HashMap<LazyValue, Integer>();
    for (var leaf : capture.leaves()) leaves.put(leaf, leaves.size());
    var parameters = new ArrayList<Integer>();
    var places = new ArrayList<@Nullable Integer>();
    for (int i = 0; i < starts.size(); i++) {
      var input = leaves.get(starts.get(i));
      if (input == null && !allowUnused) {
        throw new IllegalArgumentException(
            "the loss does not depend on variable %d (%s); leave it out, or allow unused ones with computeAllowingUnused"
                .formatted(i, starts.get(i).type()));
      }
      places.add(input == null ? null : parameters.size());
      if (input != null) parameters.add(input);
    }
    var differentiated = ReverseMode.differentiate(graph, 0, parameters);
    Map<Value, LazyValue> made;
    synchronized (DeviceState.of(loss.node().device)) {
      made = redirect(capture, values, differentiated);
    }
    var results = differentiated.graph().outputs().stream().map(made::get).toList();
    var gradients = new IdentityHashMap<Variable, Tensor>();
    for (int i = 0; i < variables.size(); i++) {
      var place = places.get(i);
      gradients.put(
          variables.get(i),
          place == null ? Tensors.zeros(starts.get(i).type()) : new Tensor(results.get(place + 1)));
    }
    return new Gradients(new Tensor(results.getFirst()), gradients);
  }

  /** The differentiated graph as lazy nodes, in the place of those that were recorded. */
  private static Map<Value, LazyValue> redirect(
      GraphCapture capture,
      Map<LazyValue, Value> values,
      ReverseMode.Differentiated differentiated) {
    var outer = Context.current().recording();
    var graph = differentiated.graph();
    var made = new HashMap<Value, LazyValue>();
    for (int i = 0; i < capture.leaves().size(); i++) {
      made.put(graph.inputs().get(i), capture.leaves().get(i));
    }
    var device =
        capture.nodes().isEmpty() ? Context.current().device() : capture.nodes().getFirst().device;
    var group = new EvaluationGroup(new ArrayList<>(), new ArrayList<>());
    var sites = forwardSites(capture, values, differentiated);
    var here = outer == null ? "" : outer.site() + " (gradients)";
    for (var node : graph.nodes()) {
      var operands = node.inputs().stream().map(made::get).toList();
      var types = node.results().stream().map(Value::type).toList();
      var site = sites.getOrDefault(node.id(), here);
      var lazy = new LazyNode(device, types, node.op(), operands, false, outer, site);
      lazy.pendingNodes = DepthLimit.pendingNodes(operands);
      if (outer != null) outer.add(lazy);
      else lazy.group = group;
      for (int i = 0; i < types.size(); i++) {
        made.put(node.results().get(i), new LazyValue(lazy, i));
      }
    }
    graph.outputs().forEach(output -> group.results().add(made.get(output)));
    for (var old : capture.nodes()) {
      var replacement = new ArrayList<LazyValue>();
      for (int i = 0; i < old.types.size(); i++) {
        var value = Objects.requireNonNull(values.get(new LazyValue(old, i)));
        var lazy = Objects.requireNonNull(made.get(differentiated.forward().get(value)));
        replacement.add(lazy);
        // What was read in the recording need not run again.
        if (old.buffers[i] != null && lazy.buffer() == null) {
          lazy.node().buffers[lazy.index()] = old.buffers[i];
        }
        if (old.number) lazy.node().number = true;
        else group.intermediates().add(lazy);
      }
      old.replacement = replacement;
      old.op = null;
      old.operands = List.of();
    }
    return made;
  }

  /** The line of each node of the forward pass, by its number in the differentiated graph. */
  private static Map<Integer, String> forwardSites(
      GraphCapture capture,
      Map<LazyValue, Value> values,
      ReverseMode.Differentiated differentiated) {
    var sites = new HashMap<Integer, String>();
    for (var old : capture.nodes()) {
      var value = Objects.requireNonNull(values.get(new LazyValue(old, 0)));
      sites.put(differentiated.forward().get(value).node(), old.site);
    }
    return sites;
  }

  /** Another thread's use of a variable is not recorded: its gradient would be silently partial. */
  private static void refuseForeign(List<LazyValue> leaves, Recording recording) {
    for (var leaf : leaves) {
      if (recording.isVariable(leaf) || !recording.wasMadeMeanwhile(leaf.node())) continue;
      if (recording.wasMadeFromVariable(leaf)) {
        throw new IllegalStateException(
            "%s was computed from a variable by another thread while gradients were recorded; compute it in the thread of Gradients.compute"
                .formatted(leaf.type()));
      }
    }
  }

  /** The value of the function, a lazy scalar. */
  public Tensor loss() {
    return loss;
  }

  /** The gradient with respect to {@code variable}, one of those that were named. */
  public Tensor of(Variable variable) {
    var gradient = gradients.get(variable);
    if (gradient == null) {
      throw new IllegalArgumentException(
          "no gradient was asked for with respect to this variable (%s); name it in compute"
              .formatted(variable.type()));
    }
    return gradient;
  }

  /**
   * Computes {@code region} so that its intermediate values are not kept for the way back but
   * computed again. What it uses from outside is found by itself; random draws are replayed.
   */
  public static Tensor checkpoint(Supplier<Tensor> region) {
    var body = Body.trace(List.of(), arguments -> List.of(region.get()));
    return Tensor.applyAll(new Checkpoint(body.graph()), body.captured()).getFirst();
  }
}
