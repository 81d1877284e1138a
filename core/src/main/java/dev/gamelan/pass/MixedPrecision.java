package dev.gamelan.pass;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Contractions of f32 read their operands in a narrower dtype and still sum and give f32
 * (Micikevicius et al., arXiv:1710.03740); everything else stays as it is, so parameters and their
 * updates are f32. An operand is narrowed before it is moved, which lets an engine see that a
 * weight needs to be narrowed once.
 */
public final class MixedPrecision implements Pass {
  private final DType narrow;

  /**
   * @param narrow bf16; it has the range of f32, so that no loss has to be scaled
   */
  public MixedPrecision(DType narrow) {
    if (narrow != DType.BF16) {
      throw new IllegalArgumentException("mixed precision computes in bf16; got " + narrow);
    }
    this.narrow = narrow;
  }

  @Override
  public Graph apply(Graph graph) {
    var narrowing = new Narrowing();
    return Rewrite.of(graph, narrowing::rewrite);
  }

  private final class Narrowing {
    /** Movement that was added, by what it gives. */
    private final Map<Value, Movement> movements = new HashMap<>();

    private final Map<Value, Value> narrowed = new HashMap<>();

    private record Movement(Op op, Value operand) {}

    List<Value> rewrite(GraphBuilder g, Node node, List<Value> operands) {
      if (contractsF32(node)) {
        return g.addAll(node.op(), operands.stream().map(x -> narrow(g, x)).toList());
      }
      var results = g.addAll(Rewrite.bodies(node.op(), MixedPrecision.this::apply), operands);
      if (moves(node.op())) {
        movements.put(results.getFirst(), new Movement(node.op(), operands.getFirst()));
      }
      return results;
    }

    private Value narrow(GraphBuilder g, Value x) {
      var known = narrowed.get(x);
      if (known != null) return known;
      var movement = movements.get(x);
      var result =
          movement == null ? g.convert(x, narrow) : g.add(movement.op, narrow(g, movement.operand));
      narrowed.put(x, result);
      return result;
    }
  }

  private static boolean contractsF32(Node node) {
    return switch (node.op()) {
      case Primitive.DotGeneral op -> isF32(node);
      case Primitive.Convolution op -> isF32(node);
      case Primitive.ConvolutionInputGradient op -> isF32(node);
      case Primitive.ConvolutionFilterGradient op -> isF32(node);
      default -> false;
    };
  }

  private static boolean isF32(Node node) {
    return node.result().type().dtype() == DType.F32
        && node.inputs().stream().allMatch(input -> input.type().dtype() == DType.F32);
  }

  private static boolean moves(Op op) {
    return op instanceof Primitive.Reshape
        || op instanceof Primitive.Transpose
        || op instanceof Primitive.BroadcastInDim
        || op instanceof Primitive.Slice
        || op instanceof Primitive.Reverse;
  }
}
