package dev.gamelan.onnx.proto;

import java.util.ArrayList;
import java.util.List;

/**
 * A tensor of which only some elements are given.
 *
 * @param values those elements, with the tensor's name
 * @param indices where they are: positions in row-major order, or [count, rank] coordinates
 */
public record SparseTensorProto(TensorProto values, TensorProto indices, List<Long> dims) {
  static SparseTensorProto parse(WireReader in) {
    var values = TensorProto.EMPTY;
    var indices = TensorProto.EMPTY;
    var dims = new ArrayList<Long>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> values = in.message(TensorProto::parse);
        case 2 -> indices = in.message(TensorProto::parse);
        case 3 -> in.integers(dims::add);
        default -> in.skip();
      }
    }
    return new SparseTensorProto(values, indices, dims);
  }
}
