package dev.gamelan.onednn.dnnl;

import dev.gamelan.type.DType;
import java.util.List;
import java.util.Optional;

/** A tensor in memory as oneDNN is told of it; strides in elements. */
public record Layout(DType dtype, List<Long> dims, List<Long> strides) {
  public Layout {
    dims = List.copyOf(dims);
    strides = List.copyOf(strides);
  }

  /** [n, c, spatial…] with the channels one behind another, without gaps. */
  static Layout channelsLast(DType dtype, List<Long> dims) {
    var strides = new Long[dims.size()];
    long stride = 1;
    strides[1] = stride;
    stride *= dims.get(1);
    for (int axis = dims.size() - 1; axis >= 2; axis--) {
      strides[axis] = stride;
      stride *= dims.get(axis);
    }
    strides[0] = stride;
    return new Layout(dtype, dims, List.of(strides));
  }

  /** oneDNN's number of a dtype; empty for those that it does not know. */
  static Optional<Integer> code(DType dtype) {
    return switch (dtype) {
      case F16 -> Optional.of(1);
      case BF16 -> Optional.of(2);
      case F32 -> Optional.of(3);
      case I32 -> Optional.of(4);
      case I8 -> Optional.of(5);
      case U8 -> Optional.of(6);
      default -> Optional.empty();
    };
  }
}
