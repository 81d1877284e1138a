package dev.gamelan.pytorch;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Executable;
import dev.gamelan.type.TensorType;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Runs a module in the caller's thread; its constants are the last arguments. */
final class PyTorchExecutable implements Executable {
  private static final Cleaner CLEANER = Cleaner.create();

  /** What is freed with the executable. */
  private record State(Module module, List<PyTorchBuffer> constants, Staging staging)
      implements Runnable {
    @Override
    public void run() {
      module.close();
      constants.forEach(PyTorchBuffer::close);
      staging.close();
    }
  }

  private final String source;
  private final State state;
  private final Cleaner.Cleanable cleanable;
  private final List<TensorType> inputTypes;
  private final List<TensorType> outputTypes;
  private final List<OptionalInt> places;
  private final Device device;
  private final CompileOptions options;
  private final long workspaceBytes;

  PyTorchExecutable(
      TorchScript script,
      List<TensorType> inputTypes,
      List<TensorType> outputTypes,
      Device device,
      CompileOptions options,
      long workspaceBytes) {
    this.source = script.source();
    this.inputTypes = inputTypes;
    this.outputTypes = outputTypes;
    this.places = script.places();
    this.device = device;
    this.options = options;
    this.workspaceBytes = workspaceBytes;
    this.state =
        new State(
            Module.of(source),
            script.constants(device),
            new Staging(inputTypes, Devices.isHost(device)));
    this.cleanable = CLEANER.register(this, state);
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    checkTypes(inputs);
    int constants = state.constants().size();
    var arguments = new long[inputs.size() + constants];
    var used = new ArrayList<PyTorchBuffer>(arguments.length);
    var area = state.staging().take();
    try {
      for (int i = 0; i < inputs.size(); i++) {
        var buffer = tensor(inputs.get(i), area.tensors().get(i));
        buffer.acquire();
        used.add(buffer);
        arguments[i] = buffer.value();
      }
      protectShared(inputs, used, arguments);
      for (int i = 0; i < constants; i++) {
        var constant = state.constants().get(i);
        constant.acquire();
        used.add(constant);
        arguments[inputs.size() + i] = constant.value();
      }
      return outputs(state.module().run(arguments), used);
    } finally {
      Reference.reachabilityFence(this);
      used.forEach(PyTorchBuffer::release);
      state.staging().giveBack(area);
      for (int donated : options.donated()) inputs.get(donated).close();
    }
  }

  /** The input's, or for a small one the tensor of its own, filled. */
  private static PyTorchBuffer tensor(Buffer input, Optional<PyTorchBuffer> staged) {
    if (!(input instanceof SmallBuffer small)) return (PyTorchBuffer) input;
    var tensor = staged.orElseThrow();
    tensor.write(small.open());
    return tensor;
  }

  /** What is donated may be overwritten: where anyone else uses it, a copy is. */
  private void protectShared(List<Buffer> inputs, List<PyTorchBuffer> used, long[] arguments) {
    for (int donated : options.donated()) {
      if (!(inputs.get(donated) instanceof PyTorchBuffer buffer) || buffer.takeOver()) continue;
      var copy = buffer.copy();
      copy.acquire();
      copy.close(); // It goes with the run.
      used.add(copy);
      arguments[donated] = copy.value();
    }
  }

  /**
   * @param tensors what the module gave back, in the order of the outputs
   * @param inputs where it left the others
   */
  private List<Buffer> outputs(long[] tensors, List<PyTorchBuffer> inputs) {
    var outputs = new ArrayList<Buffer>(outputTypes.size());
    int given = 0;
    for (int i = 0; i < outputTypes.size(); i++) {
      var type = outputTypes.get(i);
      var place = places.get(i);
      outputs.add(
          place.isPresent()
              ? SmallBuffer.of(type, inputs.get(place.getAsInt()))
              : output(type, tensors[given++]));
    }
    return outputs;
  }

  private Buffer output(TensorType type, long tensor) {
    var buffer = new PyTorchBuffer(type, device, tensor);
    if (!SmallBuffer.isSmall(type, device)) return buffer;
    try (buffer) {
      return SmallBuffer.of(type, buffer);
    }
  }

  private void checkTypes(List<Buffer> inputs) {
    boolean same = inputs.size() == inputTypes.size();
    for (int i = 0; same && i < inputTypes.size(); i++) {
      same =
          inputTypes.get(i).equals(inputs.get(i).type()) && inputs.get(i).device().equals(device);
    }
    if (same) return;
    throw new EngineException(
        "the executable takes %s on %s; got %s"
            .formatted(inputTypes, device, inputs.stream().map(Buffer::type).toList()));
  }

  /** The TorchScript. */
  @Override
  public String explain() {
    return source;
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
