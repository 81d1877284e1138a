package dev.gamelan.tck;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.DeviceInfo;
import dev.gamelan.engine.Engine;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.Unsupported;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.StandardComposite;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * The SPI's devil's advocate: off-heap buffers, runs that return before they are done and fail
 * late, donation that overwrites, few dtypes, a kernel for every standard composite. What a real
 * device will do to the core, it does first.
 */
public final class StrictEngine implements Engine {
  public static final String NAME = "strict";

  private static final Device DEVICE = new Device(NAME, 0);

  private final Map<String, LongAdder> executions = new ConcurrentHashMap<>();

  /** How often an op of this name has run so far, on this engine. */
  public long executions(String op) {
    return counter(op).sum();
  }

  LongAdder counter(String op) {
    return executions.computeIfAbsent(op, name -> new LongAdder());
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
    return new DeviceInfo("a test engine that is hard on the core", 1L << 28);
  }

  @Override
  public Set<DType> dtypes(Device device) {
    return EnumSet.of(
        DType.F32, DType.F64, DType.BF16, DType.I8, DType.U8, DType.I32, DType.I64, DType.BOOL);
  }

  @Override
  public boolean keeps(Composite op, List<TensorType> inputs) {
    return op instanceof StandardComposite;
  }

  @Override
  public Optional<Unsupported> check(Graph graph, Device device) {
    return Unsupported.customCall(graph);
  }

  @Override
  public Executable compile(Graph graph, Device device, CompileOptions options) {
    return new StrictExecutable(this, graph, device, options);
  }

  @Override
  public Buffer allocate(TensorType type, Device device) {
    return StrictBuffer.allocate(type, device);
  }

  @Override
  public void close() {}
}
