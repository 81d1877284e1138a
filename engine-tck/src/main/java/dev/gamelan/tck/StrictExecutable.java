package dev.gamelan.tck;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.StandardComposite;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;

/** Runs a graph on another thread, in one arena as {@link MemoryPlan} lays it out. */
final class StrictExecutable implements Executable {
  private static final byte POISON = (byte) 0xDD;

  private final StrictEngine engine;
  private final Graph graph;
  private final Device device;
  private final CompileOptions options;
  private final MemoryPlan plan;
  private volatile boolean closed;

  StrictExecutable(StrictEngine engine, Graph graph, Device device, CompileOptions options) {
    this.engine = engine;
    this.graph = graph;
    this.device = device;
    this.options = options;
    this.plan = MemoryPlan.of(graph, options.donated());
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    if (closed) throw new EngineException("the executable is closed");
    check(inputs);
    var memories = new ArrayList<MemorySegment>();
    var ready = new ArrayList<CompletableFuture<?>>();
    for (var input : inputs) {
      memories.add(((StrictBuffer) input).memoryForRun());
      ready.add(((StrictBuffer) input).ready());
    }
    for (int donated : options.donated()) ready.add(((StrictBuffer) inputs.get(donated)).readers());
    var results = new ArrayList<MemorySegment>();
    for (int i = 0; i < graph.outputs().size(); i++) results.add(resultMemory(i, memories));
    var executor = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().factory());
    var done =
        CompletableFuture.allOf(ready.toArray(CompletableFuture<?>[]::new))
            .thenRunAsync(() -> new Run(memories, results).execute(), executor);
    inputs.forEach(input -> ((StrictBuffer) input).addReader(done));
    for (int donated : options.donated()) inputs.get(donated).close();
    var buffers = new ArrayList<Buffer>();
    for (int i = 0; i < results.size(); i++) {
      var type = graph.outputs().get(i).type();
      buffers.add(new StrictBuffer(type, device, results.get(i), done));
    }
    return buffers;
  }

  private void check(List<Buffer> inputs) {
    var types = inputs.stream().map(Buffer::type).toList();
    if (!types.equals(graph.inputTypes())) {
      throw new EngineException(
          "the executable takes %s; got %s".formatted(graph.inputTypes(), types));
    }
    options
        .frozen()
        .forEach(
            (index, buffer) -> {
              if (!inputs.get(index).equals(buffer)) {
                throw new EngineException("input %d is frozen to another buffer".formatted(index));
              }
            });
  }

  private MemorySegment resultMemory(int output, List<MemorySegment> inputs) {
    var donated = plan.donatedTo(output);
    var place = plan.place(graph.outputs().get(output));
    boolean mine = place instanceof MemoryPlan.Place.Output own && own.index() == output;
    if (mine && donated.isPresent() && options.donated().contains(donated.getAsInt())) {
      return inputs.get(donated.getAsInt());
    }
    return StrictBuffer.memory(graph.outputs().get(output).type());
  }

  @Override
  public long workspaceBytes() {
    return plan.arenaBytes();
  }

  @Override
  public void close() {
    closed = true;
  }

  /** One run: every operand is read from, and every result written to, its place in memory. */
  private final class Run {
    private final List<MemorySegment> inputs;
    private final List<MemorySegment> outputs;
    private final MemorySegment arena;

    Run(List<MemorySegment> inputs, List<MemorySegment> outputs) {
      this.inputs = inputs;
      this.outputs = outputs;
      this.arena =
          Arena.ofAuto()
              .allocate(Math.max(plan.arenaBytes(), 1), MemoryPlan.ALIGNMENT)
              .fill(POISON);
    }

    void execute() {
      for (var node : graph.nodes()) execute(node);
      for (int i = 0; i < outputs.size(); i++) {
        var value = graph.outputs().get(i);
        var from = memory(value);
        if (!from.equals(outputs.get(i))) {
          MemorySegment.copy(from, 0, outputs.get(i), 0, value.type().bytes());
        }
      }
      // A donated buffer that became no output is overwritten all the same.
      for (int donated : options.donated()) {
        if (!outputs.contains(inputs.get(donated))) inputs.get(donated).fill(POISON);
      }
    }

    private void execute(Node node) {
      engine.counter(node.op().name()).increment();
      var operands = new ArrayList<Array>();
      for (var input : node.inputs()) {
        var array = Array.zeros(input.type());
        array.read(memory(input));
        operands.add(array);
      }
      var types = node.results().stream().map(Value::type).toList();
      var results =
          node.op() instanceof StandardComposite composite
              ? StrictKernels.apply(composite, operands)
              : ReferenceKernels.apply(node.op(), operands, types);
      for (int i = 0; i < results.size(); i++) results.get(i).write(memory(node.results().get(i)));
    }

    private MemorySegment memory(Value value) {
      return switch (plan.place(value)) {
        case MemoryPlan.Place.Input input -> inputs.get(input.index());
        case MemoryPlan.Place.Output output -> outputs.get(output.index());
        case MemoryPlan.Place.Arena place -> arena.asSlice(place.offset(), place.bytes());
      };
    }
  }
}
