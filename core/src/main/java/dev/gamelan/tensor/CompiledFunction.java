package dev.gamelan.tensor;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A function of tensors that is traced at its first two calls for each signature (types of the
 * arguments, mode, precision, device) and afterwards runs as one executable. Parameters that it
 * assigns are updated in place; each call sees all state as of one moment.
 */
public final class CompiledFunction {
  /** Signatures that are kept; the least recently called is dropped first. */
  private static final int CAPACITY = 64;

  private record Signature(
      List<TensorType> types, Mode mode, Precision precision, Device device, boolean random) {}

  /** A trace, and after the second one the executable. */
  private static final class Compiled {
    @Nullable Trace trace;
    @Nullable Executable executable;
    boolean confirmed;
  }

  private final Function<List<Tensor>, List<Tensor>> function;
  private final Map<Signature, Compiled> entries =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Signature, Compiled> eldest) {
          return size() > CAPACITY;
        }
      };

  private record Latest(Signature signature, Compiled compiled) {}

  /** Most calls have the signature of the one before, which takes no search. */
  private @Nullable Latest latest;

  private CompiledFunction(Function<List<Tensor>, List<Tensor>> function) {
    this.function = function;
  }

  public static CompiledFunction of(Function<List<Tensor>, List<Tensor>> function) {
    return new CompiledFunction(function);
  }

  /** Of one tensor to one. */
  public static UnaryOperator<Tensor> ofUnary(UnaryOperator<Tensor> function) {
    var compiled = new CompiledFunction(arguments -> List.of(function.apply(arguments.getFirst())));
    return argument -> compiled.call(argument).getFirst();
  }

  public List<Tensor> call(Tensor... arguments) {
    return call(List.of(arguments));
  }

  /**
   * The function of {@code arguments}. Inside another trace or recording it is part of that one.
   *
   * @throws IllegalStateException at the second call if it computes something else than at the
   *     first
   */
  public List<Tensor> call(List<Tensor> arguments) {
    var context = Context.current();
    if (context.recording() != null) return function.apply(arguments);
    Tensors.evaluate(arguments);
    var device = context.device();
    var types = new ArrayList<TensorType>(arguments.size());
    for (var argument : arguments) {
      if (!argument.device().equals(device)) throw Tensor.mixedDevices(argument.device(), device);
      types.add(argument.type());
    }
    var random = context.random();
    var signature =
        new Signature(types, context.mode(), context.precision(), device, random != null);
    var entry = entry(signature);
    var trace = entry.trace;
    var executable = entry.executable;
    if (trace == null || executable == null) throw new IllegalStateException("compiled just now");
    var key = random == null ? null : random.next().words();
    if (key != null) key.evaluate();
    return new Call(device, trace, executable, arguments, key).run();
  }

  private synchronized Compiled entry(Signature signature) {
    var last = latest;
    if (last != null && last.compiled.confirmed && last.signature.equals(signature)) {
      return last.compiled;
    }
    var entry = entries.computeIfAbsent(signature, s -> new Compiled());
    latest = new Latest(signature, entry);
    if (entry.confirmed) return entry;
    var trace = Trace.of(function, signature.types(), signature.device(), signature.random());
    if (entry.trace != null) {
      entry.trace.checkSame(trace);
      entry.confirmed = true;
      return entry;
    }
    var options =
        new CompileOptions(
            donated(trace), frozen(trace), lasting(trace), signature.precision().dtype());
    entry.executable = DeviceState.of(signature.device()).cache().compile(trace.graph(), options);
    entry.trace = trace; // Last, so that a call after a failed compilation begins again.
    return entry;
  }

  /** Tensors from outside are the same at every call, so an engine may prepack them. */
  private static Map<Integer, Buffer> frozen(Trace trace) {
    var frozen = new HashMap<Integer, Buffer>();
    for (int i = 0; i < trace.sources().size(); i++) {
      if (trace.sources().get(i) instanceof Trace.Source.Captured captured) {
        var buffer = Call.buffer(captured.value());
        frozen.put(i, buffer.acquire());
        buffer.release();
      }
    }
    return frozen;
  }

  /** State that the function reads and does not assign, and what is frozen. */
  private static Set<Integer> lasting(Trace trace) {
    var lasting = new HashSet<Integer>();
    for (int i = 0; i < trace.sources().size(); i++) {
      boolean lasts =
          switch (trace.sources().get(i)) {
            case Trace.Source.State state -> !trace.assigned().contains(state.parameter());
            case Trace.Source.Captured c -> true;
            case Trace.Source.Argument a -> false;
            case Trace.Source.Key k -> false;
            case Trace.Source.Made m -> true;
          };
      if (lasts) lasting.add(i);
    }
    return lasting;
  }

  private static Set<Integer> donated(Trace trace) {
    var donated = new HashSet<Integer>();
    for (int i = 0; i < trace.sources().size(); i++) {
      if (trace.sources().get(i) instanceof Trace.Source.State state
          && trace.assigned().contains(state.parameter())) {
        donated.add(i);
      }
    }
    return donated;
  }

  /** One run: binds the state under its lock, and commits under it if it updates any. */
  private static final class Call {
    private final DeviceState state;
    private final Trace trace;
    private final Executable executable;
    private final List<Tensor> arguments;
    private final @Nullable Tensor key;
    private final List<Buffer> inputs = new ArrayList<>();
    private final List<DeviceBuffer> acquired = new ArrayList<>();
    private final Map<Parameter, DeviceBuffer> donated;
    private final List<Buffer> copies = new ArrayList<>(0);
    private final List<MemoryBudget.Reservation> reserved = new ArrayList<>(0);

    Call(
        Device device,
        Trace trace,
        Executable executable,
        List<Tensor> arguments,
        @Nullable Tensor key) {
      this.state = DeviceState.of(device);
      this.trace = trace;
      this.executable = executable;
      this.arguments = arguments;
      this.key = key;
      this.donated = trace.assigned().isEmpty() ? Map.of() : new HashMap<>();
    }

    List<Tensor> run() {
      boolean updates = !trace.assigned().isEmpty();
      state.stateLock().lock();
      try {
        bind();
        if (updates) return execute();
      } catch (RuntimeException | Error e) {
        release();
        throw e;
      } finally {
        state.stateLock().unlock();
      }
      return execute();
    }

    private void bind() {
      for (var source : trace.sources()) {
        switch (source) {
          case Trace.Source.Argument argument ->
              inputs.add(acquire(buffer(arguments.get(argument.index()).lazy())));
          case Trace.Source.Key k -> inputs.add(acquire(buffer(keyOrThrow().lazy())));
          case Trace.Source.Captured captured -> inputs.add(acquire(buffer(captured.value())));
          case Trace.Source.Made made -> inputs.add(acquire(buffer(made.value())));
          case Trace.Source.State s -> inputs.add(state(s.parameter()));
        }
      }
    }

    private Buffer state(Parameter parameter) {
      var buffer = parameter.buffer();
      if (!trace.assigned().contains(parameter)) return acquire(buffer);
      if (buffer.isWritable()) {
        donated.put(parameter, buffer);
        return acquire(buffer);
      }
      reserved.add(state.budget().reserve(buffer.type()));
      var copy = acquire(buffer).copy();
      copies.add(copy);
      return copy;
    }

    private List<Tensor> execute() {
      boolean started = false;
      boolean done = false;
      var outputs = new ArrayList<MemoryBudget.@Nullable Reservation>();
      try {
        for (int i = 0; i < trace.graph().outputs().size(); i++) {
          // What is updated in place takes over the place of what it was.
          boolean inPlace = i >= trace.results() && donated.containsKey(assigned(i));
          outputs.add(
              inPlace ? null : state.budget().reserve(trace.graph().outputs().get(i).type()));
        }
        List<Buffer> buffers;
        try (var _ =
            state.budget().reserve(executable.workspaceBytes(), "the workspace of a run")) {
          started = true;
          buffers = executable.run(inputs);
        }
        done = true;
        return commit(buffers, outputs);
      } finally {
        if (!done) {
          for (var output : outputs) if (output != null) output.close();
          if (started && !donated.isEmpty()) trace.assigned().forEach(Parameter::lose);
        }
        release();
        if (started) donated.values().forEach(DeviceBuffer::close);
      }
    }

    private Parameter assigned(int output) {
      return trace.assigned().get(output - trace.results());
    }

    private List<Tensor> commit(
        List<Buffer> buffers, List<MemoryBudget.@Nullable Reservation> reservations) {
      var results = new ArrayList<Tensor>();
      for (int i = 0; i < buffers.size(); i++) {
        var reservation = reservations.get(i);
        if (reservation == null) {
          reservation = Objects.requireNonNull(donated.get(assigned(i))).handOverReservation();
        }
        if (i < trace.results()) {
          var owned = Evaluation.own(buffers.get(i), reservation);
          results.add(new Tensor(new LazyValue(LazyNode.leaf(owned, null), 0)));
        } else {
          assigned(i).replace(new DeviceBuffer(buffers.get(i), reservation));
        }
      }
      return results;
    }

    private Tensor keyOrThrow() {
      if (key == null) throw new IllegalStateException("a trace with a key is called with one");
      return key;
    }

    private static DeviceBuffer buffer(LazyValue value) {
      var buffer = value.resolve().buffer();
      if (buffer == null) throw new IllegalStateException("evaluated before the call");
      return buffer;
    }

    private Buffer acquire(DeviceBuffer buffer) {
      var acquiredBuffer = buffer.acquire();
      acquired.add(buffer);
      return acquiredBuffer;
    }

    private void release() {
      acquired.forEach(DeviceBuffer::release);
      acquired.clear();
      copies.forEach(Buffer::close);
      reserved.forEach(MemoryBudget.Reservation::close);
    }
  }
}
