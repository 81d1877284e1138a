package dev.gamelan.tensor;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Frees at its end every tensor that was computed in it, but for what it returns and parameters.
 */
public final class Scope {
  private final Set<DeviceBuffer> buffers = new HashSet<>();

  private Scope() {}

  /**
   * Runs {@code body}. The result, or the tensors in it if it is a collection, map or optional, is
   * evaluated and kept; using any other tensor of the scope afterwards is an error.
   */
  public static <T> T run(Supplier<T> body) {
    var outer = Context.current().scope();
    var scope = new Scope();
    try {
      var result =
          Context.current()
              .with(scope)
              .call(
                  () -> {
                    var returned = body.get();
                    Tensors.evaluate(tensors(returned));
                    return returned;
                  });
      for (var tensor : tensors(result)) {
        var buffer = tensor.lazy().buffer();
        if (buffer != null && scope.forget(buffer) && outer != null) outer.add(buffer);
      }
      return result;
    } finally {
      scope.close();
    }
  }

  synchronized void add(DeviceBuffer buffer) {
    buffers.add(buffer);
  }

  synchronized boolean forget(DeviceBuffer buffer) {
    return buffers.remove(buffer);
  }

  private synchronized void close() {
    buffers.forEach(DeviceBuffer::close);
    buffers.clear();
  }

  private static List<Tensor> tensors(Object result) {
    var found = new ArrayList<Tensor>();
    collect(result, found);
    return found;
  }

  private static void collect(Object result, List<Tensor> into) {
    switch (result) {
      case Tensor tensor -> into.add(tensor);
      case Collection<?> collection -> collection.forEach(element -> collect(element, into));
      case Map<?, ?> map -> map.values().forEach(element -> collect(element, into));
      case Optional<?> optional -> optional.ifPresent(element -> collect(element, into));
      default -> {} // Not a tensor, nothing to keep.
    }
  }
}
