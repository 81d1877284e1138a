package dev.gamelan.pytorch;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.DeviceInfo;
import dev.gamelan.engine.Engine;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.engine.Unsupported;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.pass.MemoryPlan;
import dev.gamelan.pass.StorageExpansion;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** PyTorch, on the CPU and, with a CUDA build of its library, on GPUs. */
public final class PyTorchEngine implements Engine {
  public static final String NAME = "pytorch";

  private final int threads;
  private final List<Device> devices;

  /** As the system properties say. */
  public PyTorchEngine() {
    this(Configuration.ofSystem());
  }

  PyTorchEngine(Configuration configuration) {
    this.threads = configuration.threads();
    PyTorchBindings.setThreads(threads);
    this.devices = List.copyOf(Devices.discover());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<Device> devices() {
    return devices;
  }

  @Override
  public DeviceInfo info(Device device) {
    var library = "PyTorch %s, ".formatted(PyTorchBindings.version());
    var folder = List.of("PyTorch's library: " + PyTorchBindings.folder());
    if (!Devices.isHost(device)) {
      // Its own allocator knows better than a number that was read once.
      return new DeviceInfo(library + Devices.torchName(device), Long.MAX_VALUE, folder);
    }
    var used = "%d thread%s".formatted(threads, threads == 1 ? "" : "s");
    return new DeviceInfo(library + used, MemoryBudget.hostLimit(), folder);
  }

  @Override
  public Set<DType> dtypes(Device device) {
    var dtypes = ScalarTypes.computed();
    dtypes.addAll(EnumSet.range(DType.F8E4M3FN, DType.U2)); // As their bits.
    return dtypes;
  }

  @Override
  public boolean keeps(Composite op, List<TensorType> inputs) {
    return Composites.keeps(op, inputs);
  }

  @Override
  public Optional<Unsupported> check(Graph graph, Device device) {
    return Unsupported.customCall(graph);
  }

  @Override
  public Executable compile(Graph graph, Device device, CompileOptions options) {
    var expanded = StorageExpansion.apply(graph);
    var donated = options.donated();
    var inputTypes = graph.inputTypes();
    var staged =
        donated.stream()
            .filter(i -> SmallBuffer.isSmall(inputTypes.get(i), device))
            .collect(Collectors.toSet());
    return new PyTorchExecutable(
        PyTorchLowering.lower(expanded, Devices.torchName(device), donated, staged),
        inputTypes,
        graph.outputTypes(),
        device,
        options,
        MemoryPlan.of(expanded, donated).arenaBytes());
  }

  @Override
  public Buffer allocate(TensorType type, Device device) {
    return SmallBuffer.isSmall(type, device)
        ? new SmallBuffer(type)
        : PyTorchBuffer.tensor(type, device);
  }

  /** The library stays loaded, as every library in a JVM does. */
  @Override
  public void close() {}
}
