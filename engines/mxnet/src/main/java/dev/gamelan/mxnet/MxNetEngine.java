package dev.gamelan.mxnet;

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
import dev.gamelan.pass.PoolExpansion;
import dev.gamelan.pass.StorageExpansion;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** MXNet on the CPU: for models and installations that have it; others are faster. */
public final class MxNetEngine implements Engine {
  public static final String NAME = "mxnet";

  static final Device DEVICE = new Device(NAME, 0);

  private final int threads;

  /** As the system properties say. */
  public MxNetEngine() {
    this(Configuration.ofSystem());
  }

  MxNetEngine(Configuration configuration) {
    this.threads = configuration.threads();
    MxNetBindings.setThreads(threads);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<Device> devices() {
    return List.of(DEVICE);
  }

  @Override
  public DeviceInfo info(Device device) {
    return new DeviceInfo(
        "MXNet %s with oneDNN, %d thread%s"
            .formatted(MxNetBindings.version(), threads, threads == 1 ? "" : "s"),
        MemoryBudget.hostLimit(),
        List.of("MXNet's library: " + MxNetBindings.folder()));
  }

  @Override
  public Set<DType> dtypes(Device device) {
    var dtypes = DataTypes.computed();
    dtypes.addAll(EnumSet.range(DType.F8E4M3FN, DType.U2)); // As their bits.
    return dtypes;
  }

  @Override
  public boolean keeps(Composite op, List<TensorType> inputs) {
    return false;
  }

  @Override
  public Optional<Unsupported> check(Graph graph, Device device) {
    return Unsupported.customCall(graph).or(() -> Support.tooLarge(graph));
  }

  @Override
  public Executable compile(Graph graph, Device device, CompileOptions options) {
    var expanded = expanded(graph);
    long workspace = MemoryPlan.of(expanded, options.donated()).arenaBytes();
    return new MxNetExecutable(
        expanded, graph.inputTypes(), graph.outputTypes(), device, options, workspace);
  }

  /** Without what is for storage, and the pools that are computed as other ops. */
  static Graph expanded(Graph graph) {
    return PoolExpansion.apply(StorageExpansion.apply(graph), Support::isExpandedPool);
  }

  @Override
  public Buffer allocate(TensorType type, Device device) {
    return new MxNetBuffer(Array.allocate(type), device);
  }

  /** The library stays loaded, as every library in a JVM does. */
  @Override
  public void close() {}
}
