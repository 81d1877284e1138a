package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.Shape;

/** Which pools become one pointwise kernel over views of what their windows see. */
final class Pools {
  /** Beyond this a kernel has more operands than it gains. */
  private static final long MOST_PLACES = 64;

  /** Of which a constant of the graph may be. */
  private static final long LONGEST = 1024;

  private Pools() {}

  static boolean areViews(Node node) {
    return switch (node.op()) {
      case Primitive.Pool op ->
          applies(op.size(), op.window(), node.inputs().get(0), node.result());
      case Primitive.PoolGradient op ->
          applies(op.size(), op.window(), node.inputs().get(0), node.inputs().get(1));
      default -> false;
    };
  }

  /** Windows without gaps, so that each sees an element; dtypes that kernels compute in. */
  private static boolean applies(Shape size, Window window, Value x, Value pooled) {
    return Pointwise.supports(x.type().dtype())
        && x.type().size() > 0
        && pooled.type().size() > 0
        && size.size() <= MOST_PLACES
        && window.dilation().stream().allMatch(dilation -> dilation == 1)
        && pooled.shape().toList().stream().skip(2).allMatch(dim -> dim <= LONGEST);
  }
}
