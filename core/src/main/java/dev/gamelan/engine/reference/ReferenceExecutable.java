package dev.gamelan.engine.reference;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Executable;
import dev.gamelan.ir.Graph;
import dev.gamelan.pass.MemoryPlan;
import java.util.ArrayList;
import java.util.List;

/** Interprets a graph node by node. */
final class ReferenceExecutable implements Executable {
  private final Graph graph;
  private final Device device;
  private final CompileOptions options;
  private final long workspaceBytes;

  ReferenceExecutable(Graph graph, Device device, CompileOptions options) {
    this.graph = graph;
    this.device = device;
    this.options = options;
    this.workspaceBytes = MemoryPlan.of(graph, options.donated()).arenaBytes();
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    try {
      Executable.checkTypes(inputs, graph.inputTypes());
      var arrays = new ArrayList<Array>(inputs.size());
      for (var input : inputs) arrays.add(((ReferenceBuffer) input).array());
      return ReferenceKernels.run(graph, arrays).stream()
          .<Buffer>map(array -> new ReferenceBuffer(array, device))
          .toList();
    } finally {
      for (int donated : options.donated()) inputs.get(donated).close();
    }
  }

  @Override
  public long workspaceBytes() {
    return workspaceBytes;
  }

  @Override
  public void close() {}
}
