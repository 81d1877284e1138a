package dev.gamelan.mxnet;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.UseCount;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/** Starts a program; MXNet computes in threads of its own. */
final class MxNetExecutable implements Executable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Program program;
  private final UseCount uses;
  private final Cleaner.Cleanable cleanable;
  private final List<TensorType> programInputs;
  private final List<TensorType> inputTypes;
  private final List<TensorType> outputTypes;
  private final Device device;
  private final CompileOptions options;
  private final long workspaceBytes;

  /**
   * @param graph without storage dtypes
   * @param inputTypes as its callers see them
   * @param outputTypes as its callers see them
   */
  MxNetExecutable(
      Graph graph,
      List<TensorType> inputTypes,
      List<TensorType> outputTypes,
      Device device,
      CompileOptions options,
      long workspaceBytes) {
    this.program = new Program(graph);
    this.programInputs = graph.inputTypes();
    this.inputTypes = inputTypes;
    this.outputTypes = outputTypes;
    this.device = device;
    this.options = options;
    this.workspaceBytes = workspaceBytes;
    this.uses = new UseCount("the executable", program::free);
    this.cleanable = CLEANER.register(this, uses::close);
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    Executable.checkTypes(inputs, inputTypes);
    uses.acquire();
    var used = new ArrayList<MxNetBuffer>(inputs.size());
    try {
      for (var input : inputs) {
        var buffer = (MxNetBuffer) input;
        buffer.acquire();
        used.add(buffer);
      }
      var arguments = new ArrayList<Array>(used.size());
      for (int i = 0; i < used.size(); i++) {
        arguments.add(new Array(used.get(i).array().handle(), programInputs.get(i)));
      }
      var outputs = program.run(arguments);
      var buffers = new ArrayList<Buffer>(outputs.size());
      for (int i = 0; i < outputs.size(); i++) {
        var array = new Array(outputs.get(i).handle(), outputTypes.get(i));
        buffers.add(new MxNetBuffer(array, device));
      }
      return buffers;
    } finally {
      used.forEach(MxNetBuffer::release);
      for (int donated : options.donated()) inputs.get(donated).close();
      uses.release();
      Reference.reachabilityFence(this);
    }
  }

  /** Its steps: a symbol's JSON, or what is computed on the host. */
  @Override
  public String explain() {
    return program.toString();
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
