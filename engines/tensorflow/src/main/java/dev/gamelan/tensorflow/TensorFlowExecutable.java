package dev.gamelan.tensorflow;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Executable;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** Runs a session in the caller's thread; what goes to XLA is compiled in the first run. */
final class TensorFlowExecutable implements Executable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final String text;
  private final Session session;
  private final Cleaner.Cleanable cleanable;
  private final List<TensorType> inputTypes;
  private final List<TensorType> outputTypes;
  private final Device device;
  private final CompileOptions options;
  private final long workspaceBytes;

  TensorFlowExecutable(
      Graph graph,
      Configuration configuration,
      Device device,
      CompileOptions options,
      long workspaceBytes) {
    var program = Program.of(graph, configuration.lowering());
    this.text = program.text();
    this.inputTypes = graph.inputTypes();
    this.outputTypes = graph.outputTypes();
    this.device = device;
    this.options = options;
    this.workspaceBytes = workspaceBytes;
    this.session = Session.of(program, configuration.session());
    this.cleanable = CLEANER.register(this, session::close);
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    Executable.checkTypes(inputs, inputTypes);
    var used = new ArrayList<TensorFlowBuffer>(inputs.size());
    try {
      for (var input : inputs) {
        var buffer = (TensorFlowBuffer) input;
        buffer.acquire();
        used.add(buffer);
      }
      return outputTypes.isEmpty() ? List.of() : outputs(session.run(tensors(used), text), used);
    } finally {
      Reference.reachabilityFence(this);
      used.forEach(TensorFlowBuffer::release);
      for (int donated : options.donated()) inputs.get(donated).close();
    }
  }

  private static List<MemorySegment> tensors(List<TensorFlowBuffer> buffers) {
    return buffers.stream().map(TensorFlowBuffer::tensor).toList();
  }

  /** What only passes through comes out as the same tensor: such an output is copied. */
  private List<Buffer> outputs(MemorySegment[] tensors, List<TensorFlowBuffer> inputs) {
    var taken = new HashSet<Long>();
    for (var input : inputs) taken.add(input.address());
    var outputs = new ArrayList<Buffer>(tensors.length);
    for (int i = 0; i < tensors.length; i++) {
      var buffer = new TensorFlowBuffer(outputTypes.get(i), device, tensors[i]);
      if (buffer.type().bytes() == 0 || taken.add(buffer.address())) {
        outputs.add(buffer);
      } else {
        outputs.add(buffer.copy());
        buffer.close();
      }
    }
    return outputs;
  }

  /** The StableHLO, or the ops. */
  @Override
  public String explain() {
    return text;
  }

  @Override
  public long workspaceBytes() {
    return workspaceBytes;
  }

  @Override
  public void close() {
    cleanable.clean();
  }
}
