package dev.gamelan.exchange;

import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a file says of an input or output of its model. Prints as {@code image: f32[?,3,224,224]}.
 *
 * @param dtype null where the file does not say
 * @param dims null where the file does not even say how many; {@link #ANY} for one of any size
 */
public record TensorInfo(String name, @Nullable DType dtype, @Nullable List<Long> dims) {
  public static final long ANY = -1;

  public TensorInfo {
    if (dims != null) dims = List.copyOf(dims);
  }

  /** Nothing but a name. */
  public static TensorInfo named(String name) {
    return new TensorInfo(name, null, null);
  }

  public static TensorInfo of(String name, TensorType type) {
    return new TensorInfo(name, type.dtype(), type.shape().toList());
  }

  /** Whether a tensor of {@code type} is one, for all that the file says. */
  public boolean allows(TensorType type) {
    if (dtype != null && dtype != type.dtype()) return false;
    if (dims == null) return true;
    if (dims.size() != type.rank()) return false;
    for (int i = 0; i < dims.size(); i++) {
      if (dims.get(i) != ANY && dims.get(i) != type.dim(i)) return false;
    }
    return true;
  }

  @Override
  public String toString() {
    var shape =
        dims == null
            ? "[..]"
            : dims.stream()
                .map(dim -> dim == ANY ? "?" : dim.toString())
                .collect(Collectors.joining(",", "[", "]"));
    return "%s: %s%s".formatted(name, dtype == null ? "?" : dtype, shape);
  }
}
