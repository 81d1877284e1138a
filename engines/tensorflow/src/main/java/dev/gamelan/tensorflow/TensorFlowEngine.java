package dev.gamelan.tensorflow;

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
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** TensorFlow on the CPU. */
public final class TensorFlowEngine implements Engine {
  public static final String NAME = "tensorflow";

  static final Device DEVICE = new Device(NAME, 0);

  private final Configuration configuration;

  /** As the system properties say. */
  public TensorFlowEngine() {
    this(Configuration.ofSystem());
  }

  TensorFlowEngine(Configuration configuration) {
    this.configuration = configuration;
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
    int threads = configuration.threads();
    return new DeviceInfo(
        "TensorFlow %s with XLA, %d thread%s"
            .formatted(TensorFlowBindings.version(), threads, threads == 1 ? "" : "s"),
        MemoryBudget.hostLimit(),
        List.of("TensorFlow's library: " + TensorFlowBindings.folder()));
  }

  @Override
  public Set<DType> dtypes(Device device) {
    return EnumSet.allOf(DType.class);
  }

  /** XLA fuses what they expand to, and TensorFlow's own ops have none of them. */
  @Override
  public boolean keeps(Composite op, List<TensorType> inputs) {
    return false;
  }

  @Override
  public Optional<Unsupported> check(Graph graph, Device device) {
    return Unsupported.customCall(graph);
  }

  @Override
  public Executable compile(Graph graph, Device device, CompileOptions options) {
    long workspace = MemoryPlan.of(graph, options.donated()).arenaBytes();
    return new TensorFlowExecutable(graph, configuration, device, options, workspace);
  }

  @Override
  public Buffer allocate(TensorType type, Device device) {
    return TensorFlowBuffer.allocate(type, device);
  }

  /** The library stays loaded, as every library in a JVM does. */
  @Override
  public void close() {}
}
