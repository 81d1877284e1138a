package dev.gamelan.tck;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Executable;
import dev.gamelan.ir.Graph;
import dev.gamelan.pass.MemoryPlan;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;

/** Runs a graph on another thread, in one arena as {@link MemoryPlan} lays it out. */
final class StrictExecutable implements Executable {
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
    var results = StrictRun.resultMemory(graph, plan, options.donated(), memories);
    var executor = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().factory());
    var done =
        CompletableFuture.allOf(ready.toArray(CompletableFuture<?>[]::new))
            .thenRunAsync(
                () ->
                    new StrictRun(engine, graph, plan, options.donated(), memories, results)
                        .execute(),
                executor);
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

  @Override
  public long workspaceBytes() {
    return plan.arenaBytes();
  }

  @Override
  public void close() {
    closed = true;
  }
}
