package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.tensor.Tensor;
import java.lang.foreign.Arena;

/** Tensors to arrays on the host and back. */
public final class HostTensors {
  private HostTensors() {}

  /** What a tensor holds; evaluates it. */
  public static Array array(Tensor tensor) {
    var array = Array.zeros(tensor.type());
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(Math.max(tensor.type().bytes(), 1), 64);
      tensor.read(bytes);
      array.read(bytes);
    }
    return array;
  }

  /** A tensor that outlives whatever is recording. */
  public static Tensor constant(Array array) {
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(Math.max(array.type().bytes(), 1), 64);
      array.write(bytes);
      return Tensor.constant(array.type(), bytes);
    }
  }
}
