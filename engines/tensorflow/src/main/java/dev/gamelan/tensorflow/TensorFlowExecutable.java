package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.DeepStack;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.UseCount;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** Runs a session in the caller's thread; what goes to XLA is compiled in the first run. */
final class TensorFlowExecutable implements Executable {
  private static final Cleaner CLEANER = Cleaner.create();

  private static final class Session {
    private final MemorySegment graph;
    private final MemorySegment session;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment inputs;
    private final MemorySegment outputs;
    private final int inputCount;
    private final int outputCount;
    private final UseCount uses = new UseCount("the executable", this::delete);
    private volatile boolean compiled;

    Session(Program program, byte[] config) {
      this.graph = TensorFlowBindings.importGraph(program.graph().message().toBytes());
      this.session = TensorFlowBindings.newSession(graph, config);
      this.inputs = endpoints(program.inputs());
      this.outputs = endpoints(program.outputs());
      this.inputCount = program.inputs().size();
      this.outputCount = program.outputs().size();
    }

    private MemorySegment endpoints(List<String> names) {
      var array = arena.allocate(TensorFlowBindings.OUTPUT, names.size());
      for (int i = 0; i < names.size(); i++) {
        var parts = names.get(i).split(":", 2);
        int index = parts.length == 1 ? 0 : Integer.parseInt(parts[1]);
        long offset = i * TensorFlowBindings.OUTPUT.byteSize();
        array.set(ADDRESS, offset, TensorFlowBindings.operation(graph, parts[0]));
        array.set(JAVA_INT, offset + ADDRESS.byteSize(), index);
      }
      return array;
    }

    /**
     * @param program that XLA compiles in the first run
     */
    MemorySegment[] run(List<TensorFlowBuffer> arguments, String program) {
      if (compiled) return run(arguments);
      synchronized (outputs) { // No other run need compile it again.
        if (!compiled) {
          var tensors = DeepStack.call(program, () -> run(arguments));
          compiled = true;
          return tensors;
        }
      }
      return run(arguments);
    }

    private MemorySegment[] run(List<TensorFlowBuffer> arguments) {
      uses.acquire();
      try (var memory = Arena.ofConfined()) {
        var pointers = memory.allocate(ADDRESS, inputCount);
        for (int i = 0; i < inputCount; i++) {
          pointers.setAtIndex(ADDRESS, i, arguments.get(i).tensor());
        }
        var results = memory.allocate(ADDRESS, outputCount);
        TensorFlowBindings.run(
            session, inputs, pointers, inputCount, outputs, results, outputCount);
        var tensors = new MemorySegment[outputCount];
        for (int i = 0; i < outputCount; i++) tensors[i] = results.getAtIndex(ADDRESS, i);
        return tensors;
      } finally {
        uses.release();
      }
    }

    private void delete() {
      TensorFlowBindings.deleteSession(session);
      TensorFlowBindings.deleteGraph(graph);
      arena.close();
    }

    void close() {
      uses.close();
    }
  }

  private final String text;
  private final Session session;
  private final Cleaner.Cleanable cleanable;
  private final List<TensorType> inputTypes;
  private final List<TensorType> outputTypes;
  private final Device device;
  private final CompileOptions options;
  private final long workspaceBytes;

  /**
   * @param config of the session, a ConfigProto
   */
  TensorFlowExecutable(
      Graph graph,
      Lowering lowering,
      Device device,
      CompileOptions options,
      byte[] config,
      long workspaceBytes) {
    var program = Program.of(graph, lowering);
    this.text = program.text();
    this.inputTypes = graph.inputTypes();
    this.outputTypes = graph.outputTypes();
    this.device = device;
    this.options = options;
    this.workspaceBytes = workspaceBytes;
    this.session = new Session(program, config);
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
      return outputTypes.isEmpty() ? List.of() : outputs(session.run(used, text), used);
    } finally {
      Reference.reachabilityFence(this);
      used.forEach(TensorFlowBuffer::release);
      for (int donated : options.donated()) inputs.get(donated).close();
    }
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
