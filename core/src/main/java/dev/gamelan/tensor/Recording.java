package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a lambda computes while it is differentiated, traced, or run as the body of control flow.
 */
final class Recording {
  enum Kind {
    GRADIENT,
    TRACE,
    BODY
  }

  private final Kind kind;
  private final @Nullable Recording parent;
  private final DeviceState state;
  private final long start;
  private final List<LazyNode> nodes = new ArrayList<>();
  private final Map<Parameter, LazyValue> states = new LinkedHashMap<>();
  private final Map<Parameter, LazyValue> assigned = new LinkedHashMap<>();
  private boolean closed;

  /** What gradients are taken with respect to. */
  private final Set<LazyValue> variables;

  Recording(Kind kind, @Nullable Recording parent) {
    this(kind, parent, Set.of());
  }

  Recording(Kind kind, @Nullable Recording parent, Set<LazyValue> variables) {
    this.kind = kind;
    this.parent = parent;
    this.variables = variables;
    this.state = DeviceState.of(Context.current().device());
    this.start = state.lastSequence();
    if (!variables.isEmpty()) state.openRecording(this);
  }

  Kind kind() {
    return kind;
  }

  boolean isClosed() {
    return closed;
  }

  boolean isVariable(LazyValue value) {
    return variables.contains(value);
  }

  /** Whether {@code value}, which is not of this recording, depends on a variable of it. */
  boolean wasMadeFromVariable(LazyValue value) {
    synchronized (state) {
      var history = new GraphCapture(v -> isVariable(v) || v.node().op == null);
      history.add(value);
      return history.leaves().stream()
          .anyMatch(leaf -> isVariable(leaf) || leaf.node().madeFrom.contains(this));
    }
  }

  /** Whether a node that is not of this recording was made by another thread while it ran. */
  boolean wasMadeMeanwhile(LazyNode node) {
    return node.sequence > start;
  }

  synchronized void add(LazyNode node) {
    nodes.add(node);
  }

  /** Whether it, or one that it is in, will still be turned into a graph. */
  boolean needsHistory() {
    return !closed || (parent != null && parent.needsHistory());
  }

  /** Hands the nodes to the recording outside, which sees them as its own. */
  synchronized void close() {
    closed = true;
    state.closeRecording(this);
    for (var node : nodes) {
      if (node.recording == this && kind == Kind.GRADIENT) {
        node.recording = parent;
        if (parent != null) parent.add(node);
        node.cutHistory();
      }
    }
    nodes.clear();
  }

  /** Whether this is {@code other}, or a recording in it. */
  boolean isWithin(Recording other) {
    for (var r = this; r != null; r = r.parent) if (r == other) return true;
    return false;
  }

  /** The trace that this is, or is in. */
  Optional<Recording> trace() {
    for (var r = this; r != null; r = r.parent) if (r.kind == Kind.TRACE) return Optional.of(r);
    return Optional.empty();
  }

  /** Whether a value can't be assigned here, since the lambda stands for many runs. */
  boolean isInBody() {
    for (var r = this; r != null; r = r.parent) if (r.kind == Kind.BODY) return true;
    return false;
  }

  boolean isSymbolic() {
    return trace().isPresent() || isInBody();
  }

  /** The value of a parameter in this trace: what was assigned last, else an input. */
  LazyValue state(Parameter parameter) {
    var value = assigned.get(parameter);
    return value != null ? value : input(parameter);
  }

  /** The value of a parameter when the traced function is called. */
  LazyValue input(Parameter parameter) {
    return states.computeIfAbsent(
        parameter, p -> new LazyValue(placeholder(p.device(), p.type()), 0));
  }

  void assign(Parameter parameter, LazyValue value) {
    input(parameter);
    assigned.put(parameter, value);
  }

  Map<Parameter, LazyValue> states() {
    return states;
  }

  Map<Parameter, LazyValue> assigned() {
    return assigned;
  }

  LazyNode placeholder(Device device, TensorType type) {
    return LazyNode.placeholder(device, type, this);
  }

  /** The line of the program that is running, where errors may name it. */
  String site() {
    return isSymbolic() ? CallSite.current() : "";
  }
}
