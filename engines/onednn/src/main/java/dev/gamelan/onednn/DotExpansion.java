package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.type.DType;
import java.util.List;

/**
 * Contractions of narrow dtypes that the library does not compute, or that are too small for it, as
 * contractions of f32. For f16 and bf16 that is what they mean; bytes are summed in pieces so short
 * that the sums are whole numbers which f32 has.
 */
final class DotExpansion {
  /** Up to which f32 has every whole number. */
  private static final long EXACT = 1 << 24;

  private DotExpansion() {}

  static Graph apply(Graph graph, Kernels kernels) {
    return graph.nodes().stream().anyMatch(node -> applies(node, kernels))
        ? Rewrite.of(
            graph,
            (g, node, operands) ->
                node.op() instanceof Primitive.DotGeneral dot && applies(node, kernels)
                    ? List.of(
                        g.convert(expanded(g, dot, operands.get(0), operands.get(1)), dot.result()))
                    : g.addNode(node.op(), operands, node).results())
        : graph;
  }

  /** Of which products and short sums are exact in f32. */
  static boolean isNarrow(DType dtype) {
    return switch (dtype) {
      case F32, F16, BF16, I8, U8 -> true;
      default -> false;
    };
  }

  private static boolean applies(Node node, Kernels kernels) {
    if (!(node.op() instanceof Primitive.DotGeneral dot)) return false;
    var left = node.inputs().get(0).type();
    var right = node.inputs().get(1).type();
    boolean inLibrary =
        kernels.multiplies(left.dtype(), right.dtype())
            && !(left.dtype().isFloat() && DotLowering.isSmall(work(dot, node)));
    return !(left.dtype() == DType.F32 || inLibrary)
        && isNarrow(left.dtype())
        && node.result().type().size() > 0
        && left.size() > 0;
  }

  private static double work(Primitive.DotGeneral dot, Node node) {
    var summed = node.inputs().getFirst().shape().select(dot.leftContracting());
    return 1.0 * node.result().type().size() * summed.size();
  }

  private static Value expanded(GraphBuilder g, Primitive.DotGeneral dot, Value left, Value right) {
    if (left.type().dtype().isFloat()) return inF32(g, dot, left, right);
    long longest = 0;
    int axis = 0; // Among those that are summed.
    long length = 1;
    for (int i = 0; i < dot.leftContracting().size(); i++) {
      long dim = left.dim(dot.leftContracting().get(i));
      length *= dim;
      if (dim > longest) {
        longest = dim;
        axis = i;
      }
    }
    if (length * most(left) * most(right) <= EXACT) {
      return g.convert(inF32(g, dot, left, right), DType.I32);
    }
    int a = dot.leftContracting().get(axis);
    int b = dot.rightContracting().get(axis);
    long half = longest / 2;
    return g.add(
        expanded(g, dot, g.slice(left, a, 0, half), g.slice(right, b, 0, half)),
        expanded(g, dot, g.slice(left, a, half, longest), g.slice(right, b, half, longest)));
  }

  private static Value inF32(GraphBuilder g, Primitive.DotGeneral dot, Value left, Value right) {
    var wide =
        new Primitive.DotGeneral(
            dot.leftBatch(),
            dot.rightBatch(),
            dot.leftContracting(),
            dot.rightContracting(),
            DType.F32);
    return g.add(wide, g.convert(left, DType.F32), g.convert(right, DType.F32));
  }

  private static long most(Value x) {
    return x.type().dtype() == DType.I8 ? 128 : 255;
  }
}
