package dev.gamelan.mxnet;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import java.util.stream.Stream;

/** What MXNet's ops compute as our ops say; the rest is the host's. */
final class Support {
  /** Of its broadcasting ops. */
  private static final int MOST_AXES = 5;

  private Support() {}

  static boolean takes(Node node) {
    return Stream.concat(node.inputs().stream(), node.results().stream()).allMatch(Support::fits)
        && node.op() instanceof Primitive op
        && takes(node, op);
  }

  /** MXNet knows nothing empty. */
  private static boolean fits(Value value) {
    return value.type().size() > 0
        && value.rank() <= MOST_AXES
        && DataTypes.computed().contains(value.type().dtype());
  }

  private static boolean takes(Node node, Primitive op) {
    var result = node.results().getFirst();
    var dtype =
        node.inputs().isEmpty() ? result.type().dtype() : node.inputs().getFirst().type().dtype();
    return switch (op) {
      case Primitive.Constant _,
          Primitive.Fill _,
          Primitive.Reshape _,
          Primitive.Transpose _,
          Primitive.BroadcastInDim _,
          Primitive.Slice _,
          Primitive.Concatenate _,
          Primitive.Reverse _,
          Primitive.Compare _,
          Primitive.Select _,
          Primitive.Gather _,
          Primitive.DynamicSlice _,
          Primitive.Barrier _ ->
          true;
      case Primitive.Iota _ -> dtype.isFloat() || dtype == DType.I32 || dtype == DType.I64;
      case Primitive.Unary unary -> takes(unary.kind(), dtype);
      case Primitive.Binary binary -> takes(binary.kind(), dtype);
      case Primitive.Convert convert -> !convert.saturate();
      case Primitive.Pad pad -> pad.interior().stream().allMatch(i -> i == 0);
      case Primitive.Reduce reduce -> takes(reduce.kind(), dtype);
      case Primitive.Cumulate cumulate ->
          cumulate.kind() == ReduceKind.SUM && !cumulate.exclusive() && dtype.isFloat();
      case Primitive.DotGeneral dot -> dtype.isFloat() && dot.result().isFloat();
      case Primitive.Convolution convolution -> isFloat(dtype, convolution.result());
      case Primitive.ConvolutionInputGradient gradient -> isFloat(dtype, gradient.result());
      case Primitive.ConvolutionFilterGradient gradient ->
          isFloat(dtype, gradient.result()) && gradient.window().rank() < 3;
      case Primitive.GatherElements gather -> node.inputs().get(1).dim(gather.axis()) == 1;
      case Primitive.Pool pool -> dtype.isFloat() && Convolutions.takes(pool);
      case Primitive.Bitcast _,
          Primitive.DynamicUpdateSlice _,
          Primitive.ArgReduce _,
          Primitive.PoolGradient _,
          Primitive.Scatter _,
          Primitive.ScatterElements _,
          Primitive.Sort _,
          Primitive.TopK _,
          Primitive.Fft _,
          Primitive.Scan _,
          Primitive.While _,
          Primitive.Cond _,
          Primitive.CustomCall _ ->
          false;
    };
  }

  private static boolean isFloat(DType operand, DType result) {
    return operand.isFloat() && result.isFloat();
  }

  private static boolean takes(UnaryKind kind, DType dtype) {
    return switch (kind) {
      case ABS -> dtype != DType.I64; // Through doubles.
      case ROUND_EVEN -> dtype != DType.F64; // Halves of doubles go away from zero.
      default -> true;
    };
  }

  private static boolean takes(BinaryKind kind, DType dtype) {
    return switch (kind) {
      case ADD, SUB, MUL, MAX, MIN, AND, OR, XOR -> true;
      case DIV, POW, ATAN2 -> dtype.isFloat();
      case REM, SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC -> false;
    };
  }

  private static boolean takes(ReduceKind kind, DType dtype) {
    return switch (kind) {
      case SUM, PROD, MAX, MIN -> dtype.isFloat() || dtype == DType.I32 || dtype == DType.I64;
      case AND, OR -> dtype.isBool();
    };
  }
}
