package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Sorts, and the first of a sort. Keys of 64 bits are left to the reference's code. */
final class OrderLowering {
  private final Lowering lowering;
  private final Kernels kernels;

  OrderLowering(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /** The step of a node; empty where it is of another kind, or of keys that are too wide. */
  Optional<Step> lower(Node node) {
    return switch (node.op()) {
      case Primitive.Sort sort when supports(node, sort.axis()) ->
          Optional.of(sort(node, sort.axis(), sort.descending()));
      case Primitive.TopK top when supports(node, node.inputs().getFirst().rank() - 1) ->
          Optional.of(topK(node, top.k()));
      default -> Optional.empty();
    };
  }

  private static boolean supports(Node node, int axis) {
    var keys = node.inputs().getFirst().type();
    return keys.dtype().bits() >= 8
        && keys.dtype().bits() <= 32
        && keys.size() > 0
        && keys.dim(axis) < 1 << 30
        && node.inputs().stream().allMatch(input -> input.type().dtype().bits() >= 8);
  }

  private Step sort(Node node, int axis, boolean descending) {
    var moved = new ArrayList<OrderStep.Moved>();
    for (int i = 0; i < node.inputs().size(); i++) {
      var input = node.inputs().get(i);
      var to = lowering.place(node.results().get(i));
      moved.add(new OrderStep.Moved(lowering.dense(input), to, bytes(input.type().dtype())));
    }
    var type = node.inputs().getFirst().type();
    return step(type, axis, descending, type.dim(axis), moved, Optional.empty());
  }

  private Step topK(Node node, long k) {
    var x = node.inputs().getFirst();
    var values = lowering.place(node.results().get(0));
    var moved = new OrderStep.Moved(lowering.dense(x), values, bytes(x.type().dtype()));
    var indices = lowering.place(node.results().get(1));
    return step(x.type(), x.rank() - 1, true, k, List.of(moved), Optional.of(indices));
  }

  private Step step(
      TensorType type,
      int axis,
      boolean descending,
      long count,
      List<OrderStep.Moved> moved,
      Optional<Storage> indices) {
    var shape = type.shape();
    var sizes =
        new OrderStep.Sizes(
            shape.range(0, axis).size(),
            (int) shape.dim(axis),
            shape.range(axis + 1, shape.rank()).size(),
            (int) count);
    var keys = moved.getFirst().from();
    return new OrderStep(keys, type.dtype(), descending, sizes, moved, indices, kernels.threads());
  }

  private static int bytes(DType dtype) {
    return dtype.bits() / 8;
  }
}
