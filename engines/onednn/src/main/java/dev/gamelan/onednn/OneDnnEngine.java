package dev.gamelan.onednn;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.DeviceInfo;
import dev.gamelan.engine.Engine;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.engine.Unsupported;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/** The CPU, through oneDNN and kernels of our own. */
public final class OneDnnEngine implements Engine {
  public static final String NAME = "onednn";

  private static final Device DEVICE = new Device(NAME, 0);

  private final Cpu cpu;
  private final Library library;
  private final Kernels kernels;
  private final Team team;
  private final BlockPool pool;
  private final long memoryBytes;

  /** Whether the device's budget knows of the pool; it does not exist before the engine. */
  private final AtomicBoolean watched = new AtomicBoolean();

  /** As the system properties say. */
  public OneDnnEngine() {
    this(Configuration.ofSystem());
  }

  OneDnnEngine(Configuration configuration) {
    this.cpu = Cpu.detect().cappedTo(configuration.isa());
    this.library = configuration.library() ? Library.load(cpu.isa()) : Library.none();
    this.kernels = new Kernels(cpu, configuration.threads(), library);
    this.team = new Team(configuration.threads());
    this.memoryBytes = MemoryBudget.hostLimit();
    this.pool = new BlockPool(memoryBytes / 4);
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
    int threads = team.threads();
    return new DeviceInfo(
        "%s, %d thread%s, %s"
            .formatted(cpu, threads, threads == 1 ? "" : "s", library.description()),
        memoryBytes,
        means());
  }

  @Override
  public long memoryBytes(Device device) {
    return memoryBytes;
  }

  /** By which means what is computed. */
  private List<String> means() {
    var means = new ArrayList<String>();
    means.add("machine code for " + cpu.isa() + ": pointwise, reductions, small products, copies");
    kernels
        .dnnl()
        .ifPresentOrElse(
            dnnl -> {
              var dtypes = kernels.hasVnni() ? "f32, bf16 and int8" : "f32 and bf16";
              means.add("oneDNN: products and convolutions of " + dtypes);
              means.add("oneDNN's library: " + dnnl.folder());
            },
            () -> means.add("without oneDNN: products and convolutions by machine code, in f32"));
    if (cpu.isa() == Isa.AVX512) {
      means.add("products of f32 with weights that last by machine code");
      means.add("4-bit weights " + (kernels.hasVnni() ? "by VNNI" : "by multiply-adds of bytes"));
    }
    return means;
  }

  @Override
  public Set<DType> dtypes(Device device) {
    return EnumSet.allOf(DType.class);
  }

  @Override
  public boolean keeps(Composite op, List<TensorType> inputs) {
    return AttentionTiles.applies(op, inputs)
        || (op instanceof TensorOp.QuantizedMatmul quantized
            && QuantizedLowering.supports(quantized, inputs, cpu.isa()));
  }

  @Override
  public Optional<Unsupported> check(Graph graph, Device device) {
    return Unsupported.customCall(graph);
  }

  @Override
  public Executable compile(Graph graph, Device device, CompileOptions options) {
    if (watched.compareAndSet(false, true)) Engines.budget(device).onPressure(pool::trim);
    return new OneDnnExecutable(
        Lowering.lower(graph, kernels, pool, options), device, options, pool, team);
  }

  @Override
  public Buffer allocate(TensorType type, Device device) {
    return OneDnnBuffer.of(type, device, pool);
  }

  @Override
  public void close() {
    team.close();
    pool.trim();
  }
}
