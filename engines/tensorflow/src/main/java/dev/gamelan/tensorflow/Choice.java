package dev.gamelan.tensorflow;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;

/**
 * Which lowering is likely to be faster. XLA fuses pointwise ops, which TensorFlow's own ops run
 * one by one through memory; its calls, products and convolutions take longer. The costs are fits
 * to nine programs, from a network of 58 weights to ResNet-50.
 */
final class Choice {
  /** Of a pointwise element that XLA would fuse. */
  private static final double ELEMENT_NANOS = 0.33;

  /** Of a call of XLA, over one of TensorFlow's ops. */
  private static final double CALL_NANOS = 100_000;

  /** Of a product's operation, and of a convolution's, over TensorFlow's own. */
  private static final double PRODUCT_NANOS = 0.003;

  private static final double CONVOLUTION_NANOS = 0.007;

  private Choice() {}

  static Lowering of(Graph graph) {
    double graphNanos = 0;
    double xlaNanos = CALL_NANOS;
    for (var node : graph.nodes()) {
      if (!(node.op() instanceof Primitive op) || !op.bodies().isEmpty()) return Lowering.XLA;
      graphNanos += Support.takes(node) ? ELEMENT_NANOS * fused(node, op) : CALL_NANOS;
      xlaNanos += slower(node, op);
    }
    return graphNanos < xlaNanos ? Lowering.GRAPH : Lowering.XLA;
  }

  /** How many elements pass through memory that XLA would keep in registers. */
  private static long fused(Node node, Primitive op) {
    return switch (op) {
      case Primitive.Unary _,
          Primitive.Binary _,
          Primitive.Compare _,
          Primitive.Select _,
          Primitive.Convert _ ->
          node.result().type().size();
      case Primitive.Reduce _ -> node.inputs().getFirst().type().size();
      default -> 0;
    };
  }

  private static double slower(Node node, Primitive op) {
    return switch (op) {
      case Primitive.DotGeneral dot -> {
        var left = node.inputs().getFirst().shape();
        long sums = node.result().type().size();
        yield PRODUCT_NANOS * 2 * sums * left.select(dot.leftContracting()).size();
      }
      case Primitive.Convolution _ -> convolution(node.result(), node.inputs().get(1));
      case Primitive.ConvolutionInputGradient _ ->
          convolution(node.inputs().getFirst(), node.inputs().get(1));
      case Primitive.ConvolutionFilterGradient _ ->
          convolution(node.inputs().get(1), node.result());
      default -> 0;
    };
  }

  /** For each element of what comes out, an operation for each of a filter. */
  private static double convolution(Value out, Value filter) {
    var shape = filter.shape();
    return CONVOLUTION_NANOS * 2 * out.type().size() * shape.range(1, shape.rank()).size();
  }
}
