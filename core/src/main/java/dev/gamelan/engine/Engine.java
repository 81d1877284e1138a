package dev.gamelan.engine;

import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Compiles graphs for its devices and holds their buffers. Methods may be called from any thread.
 * Graphs come through {@link Engines#compile}, so an engine sees primitives and the composites that
 * it keeps, nothing else.
 */
public interface Engine extends AutoCloseable {
  /** Lower case, the first part of {@link Device#toString}. */
  String name();

  /** Not empty: an engine without a device is not offered by its provider. */
  List<Device> devices();

  DeviceInfo info(Device device);

  /** The memory that tensors on the device may fill, as {@link #info} says. */
  default long memoryBytes(Device device) {
    return info(device).memoryBytes();
  }

  /** At least f32, i32 and bool. */
  Set<DType> dtypes(Device device);

  /** Whether the engine has a kernel of its own for {@code op}; what it has not is expanded. */
  boolean keeps(Composite op, List<TensorType> inputs);

  /** What of {@code graph} it can't run, beyond dtypes; empty where it can run everything. */
  Optional<Unsupported> check(Graph graph, Device device);

  Executable compile(Graph graph, Device device, CompileOptions options);

  /** A buffer of unspecified contents. */
  Buffer allocate(TensorType type, Device device);

  @Override
  void close();
}
