package dev.gamelan.mxnet;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.reference.ReferenceEngine;
import dev.gamelan.ir.Graph;
import java.util.ArrayList;
import java.util.List;

/** What MXNet has no op for: the reference engine computes it, on copies. */
final class HostStep implements Step {
  private static final ReferenceEngine ENGINE = new ReferenceEngine();

  private final Graph graph;
  private final Executable executable;

  HostStep(Graph graph) {
    this.graph = graph;

    this.executable = ENGINE.compile(graph, ENGINE.devices().getFirst(), CompileOptions.DEFAULT);
  }

  @Override
  public List<Array> run(List<Array> inputs) {
    var arguments = new ArrayList<Buffer>(inputs.size());
    for (var input : inputs) {
      var buffer = ENGINE.allocate(input.type(), ENGINE.devices().getFirst());
      buffer.write(input.read());
      arguments.add(buffer);
    }
    try (var owned = new Owned()) {
      var outputs = new ArrayList<Array>();
      for (var buffer : executable.run(arguments)) {
        var output = owned.add(Array.allocate(buffer.type()));
        buffer.read(output.write());
        outputs.add(output);
      }
      return owned.give(outputs);
    }
  }

  @Override
  public String toString() {
    return "on the host:\n" + graph;
  }

  @Override
  public void free() {
    executable.close();
  }
}
