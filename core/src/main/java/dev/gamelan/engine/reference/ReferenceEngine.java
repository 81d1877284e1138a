package dev.gamelan.engine.reference;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.DeviceInfo;
import dev.gamelan.engine.Engine;
import dev.gamelan.engine.Executable;
import dev.gamelan.engine.Unsupported;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Plain Java: the definition of every op for every dtype. Runs everywhere, slowly. */
public final class ReferenceEngine implements Engine {
  public static final String NAME = "reference";

  private static final Device DEVICE = new Device(NAME, 0);

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
    // Arrays take 8 bytes an element, whatever the dtype; leave room for them.
    return new DeviceInfo("plain Java on the heap", Runtime.getRuntime().maxMemory() / 4);
  }

  @Override
  public Set<DType> dtypes(Device device) {
    return EnumSet.allOf(DType.class);
  }

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
    return new ReferenceExecutable(graph, device, options);
  }

  @Override
  public Buffer allocate(TensorType type, Device device) {
    return new ReferenceBuffer(Array.zeros(type), device);
  }

  @Override
  public void close() {}
}
