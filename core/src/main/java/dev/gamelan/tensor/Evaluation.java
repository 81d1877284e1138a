package dev.gamelan.tensor;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Runs what lazy values depend on, as one compiled graph. */
final class Evaluation {
  private final Device device;
  private final DeviceState state;
  private final Set<LazyValue> targets = new LinkedHashSet<>();
  private final Set<Parameter> committing = new LinkedHashSet<>();

  private Evaluation(Device device) {
    this.device = device;
    this.state = DeviceState.of(device);
  }

  /** Afterwards each of {@code values} has a buffer; so have the calling thread's assignments. */
  static void run(List<LazyValue> values) {
    if (allKept(values)) return;
    values.stream()
        .map(value -> value.node().device)
        .distinct()
        .forEach(device -> new Evaluation(device).evaluate(values));
  }

  private static boolean allKept(List<LazyValue> values) {
    for (var value : values) if (value.resolve().buffer() == null) return false;
    return true;
  }

  private void evaluate(List<LazyValue> values) {
    GraphCapture capture;
    List<LazyValue> outputs;
    List<DeviceBuffer> leaves = new ArrayList<>();
    synchronized (state) {
      addTargets(values);
      if (targets.isEmpty()) return;
      capture = new GraphCapture(value -> value.buffer() != null || value.node().op == null);
      targets.forEach(capture::add);
      for (var leaf : capture.leaves()) leaves.add(bufferOf(leaf));
      outputs = outputs(capture);
    }
    var results = execute(capture, outputs, leaves);
    synchronized (state) {
      var behind = state.recordingsBehind(capture.leaves());
      for (int i = 0; i < outputs.size(); i++) {
        keep(outputs.get(i), results.get(i));
        outputs.get(i).node().madeFrom = behind;
      }
      for (var node : capture.nodes()) {
        if (!node.allKept()) node.computedInside = true;
        node.group = null;
        node.cutHistory();
      }
    }
    committing.forEach(Parameter::commit);
  }

  private void addTargets(List<LazyValue> values) {
    var pending = state.pendingOf(Thread.currentThread());
    committing.addAll(pending);
    var requested = new ArrayList<LazyValue>();
    values.forEach(value -> requested.add(value.resolve()));
    for (var parameter : pending) requested.add(parameter.pendingValue());
    for (var value : requested) {
      if (value.node().device.equals(device) && value.buffer() == null) targets.add(value);
    }
    // A pending update has taken the gradients already; without one they are wanted for themselves.
    if (pending.isEmpty()) {
      for (var value : List.copyOf(targets)) {
        var group = value.node().group;
        if (group == null) continue;
        for (var member : group.members()) {
          if (member.resolve().buffer() == null) targets.add(member.resolve());
        }
      }
    }
  }

  /** The targets, and what the program used since an earlier evaluation dropped it. */
  private List<LazyValue> outputs(GraphCapture capture) {
    for (var node : capture.nodes()) {
      for (int i = 0; i < node.wanted.length; i++) {
        if (node.wanted[i] && node.buffers[i] == null) targets.add(new LazyValue(node, i));
      }
    }
    return List.copyOf(targets);
  }

  private static DeviceBuffer bufferOf(LazyValue leaf) {
    var buffer = leaf.buffer();
    if (buffer != null) return buffer;
    throw new IllegalStateException(
        ("a traced value %s was read at %s: while a function is traced, or as the body of scan,"
                + " while or cond, it has no value yet; use select, cond or scan instead of if and"
                + " loops, return the value, or carry it; after its trace it has none any more")
            .formatted(leaf.type(), CallSite.current()));
  }

  private List<DeviceBuffer> execute(
      GraphCapture capture, List<LazyValue> outputs, List<DeviceBuffer> leaves) {
    var numbers = capture.numbers();
    var compiled =
        state.cache().get(capture.liftedGraph(outputs), numbers, () -> capture.graph(outputs));
    var scalars = new ArrayList<Buffer>();
    var acquired = new ArrayList<DeviceBuffer>();
    var reserved = new ArrayList<MemoryBudget.Reservation>();
    boolean done = false;
    try {
      var inputs = new ArrayList<Buffer>();
      for (var leaf : leaves) {
        inputs.add(leaf.acquire());
        acquired.add(leaf);
      }
      if (compiled.numbersAreInputs()) {
        for (var number : numbers) scalars.add(scalar(number));
        inputs.addAll(scalars);
      }
      for (var output : outputs) reserved.add(state.budget().reserve(output.type()));
      List<Buffer> buffers;
      try (var _ =
          state
              .budget()
              .reserve(compiled.executable().workspaceBytes(), "the workspace of a run")) {
        buffers = compiled.executable().run(inputs);
      }
      done = true;
      var results = new ArrayList<DeviceBuffer>();
      for (int i = 0; i < buffers.size(); i++) {
        results.add(own(buffers.get(i), reserved.get(i)));
      }
      return results;
    } finally {
      if (!done) reserved.forEach(MemoryBudget.Reservation::close);
      acquired.forEach(DeviceBuffer::release);
      scalars.forEach(Buffer::close);
    }
  }

  private Buffer scalar(Scalar number) {
    var buffer = Engines.allocate(TensorType.of(number.dtype()), device);
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(8, 8);
      bytes.set(ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN), 0, number.bits());
      buffer.write(bytes);
    }
    return buffer;
  }

  /** Another thread may have computed the same meanwhile; the first result stays. */
  private static void keep(LazyValue value, DeviceBuffer result) {
    if (value.buffer() == null) value.node().buffers[value.index()] = result;
    else result.close();
  }

  /** A buffer of a run, in the care of the enclosing scope. */
  static DeviceBuffer own(Buffer buffer, MemoryBudget.@Nullable Reservation reservation) {
    var owned = new DeviceBuffer(buffer, reservation);
    var scope = Context.current().scope();
    if (scope != null) scope.add(owned);
    return owned;
  }

  /** A buffer with these contents. */
  static DeviceBuffer upload(Device device, TensorType type, MemorySegment contents) {
    var reservation = Engines.budget(device).reserve(type);
    try {
      var buffer = Engines.allocate(type, device);
      buffer.write(contents);
      return own(buffer, reservation);
    } catch (RuntimeException e) {
      reservation.close();
      throw e;
    }
  }
}
