package dev.gamelan.tensorflow;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What TensorFlow's own ops compute as ours say, on a CPU; the rest is XLA's. */
final class Support {
  /** Of its broadcasting ops. */
  private static final int MOST_AXES = 8;

  private Support() {}

  static boolean takes(Node node) {
    return node.op() instanceof Primitive op
        && Stream.concat(node.inputs().stream(), node.results().stream()).allMatch(Support::fits)
        && takes(node, op);
  }

  private static boolean fits(Value value) {
    return value.type().size() > 0
        && value.rank() <= MOST_AXES
        && !value.type().dtype().isStorage();
  }

  private static boolean takes(Node node, Primitive op) {
    var result = node.results().getFirst().type().dtype();
    var dtype = node.inputs().isEmpty() ? result : node.inputs().getFirst().type().dtype();
    return switch (op) {
      case Primitive.Constant _,
          Primitive.Fill _,
          Primitive.Iota _,
          Primitive.Reshape _,
          Primitive.Transpose _,
          Primitive.BroadcastInDim _,
          Primitive.Slice _,
          Primitive.Concatenate _,
          Primitive.Reverse _,
          Primitive.Compare _,
          Primitive.Select _,
          Primitive.Gather _,
          Primitive.GatherElements _,
          Primitive.DynamicSlice _ ->
          true;
      case Primitive.Pad pad -> pad.interior().stream().allMatch(i -> i == 0);
      case Primitive.Unary unary -> takes(unary.kind(), dtype);
      case Primitive.Binary binary -> takes(binary.kind(), dtype);
      case Primitive.Convert convert -> converts(dtype, convert);
      case Primitive.Bitcast bitcast -> dtype.bits() == bitcast.to().bits() && !dtype.isBool();
      case Primitive.Reduce reduce ->
          dtype.isBool() || (reduce.kind() != ReduceKind.AND && reduce.kind() != ReduceKind.OR);
      case Primitive.ArgReduce _ -> dtype.isInteger();
      case Primitive.Cumulate cumulate ->
          cumulate.kind() == ReduceKind.SUM || cumulate.kind() == ReduceKind.PROD;
      case Primitive.DotGeneral dot -> multiplies(dtype, dot.result());
      case Primitive.Convolution convolution ->
          isImages(convolution.window())
              && convolution.groups() == 1
              && alwaysSees(node, convolution.window())
              && multiplies(dtype, convolution.result());
      case Primitive.ConvolutionInputGradient gradient ->
          isImages(gradient.window())
              && gradient.groups() == 1
              && !isDilated(gradient.window())
              && !isWrong(gradient)
              && multiplies(dtype, gradient.result());
      case Primitive.ConvolutionFilterGradient gradient ->
          isImages(gradient.window())
              && gradient.groups() == 1
              && !isDilated(gradient.window())
              && multiplies(dtype, gradient.result());
      case Primitive.Pool pool -> pools(dtype, pool.kind(), pool.window());
      case Primitive.PoolGradient pool -> pools(dtype, pool.kind(), pool.window());
      case Primitive.Scatter scatter -> scatter.kind() == ScatterKind.ADD && scatter.axis() == 0;
      case Primitive.ScatterElements scatter -> scatter.kind() == ScatterKind.ADD;
      // TensorFlow merges what is computed twice; only a call of XLA is a barrier to it.
      case Primitive.Barrier _,
          Primitive.DynamicUpdateSlice _,
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

  private static boolean takes(UnaryKind kind, DType dtype) {
    return switch (kind) {
      case NEG, ABS, SIGN -> !dtype.isUnsigned();
      case ROUND_EVEN -> dtype == DType.F32 || dtype == DType.F64;
      default -> true;
    };
  }

  /** Its division of integers stops at zero, and so do its remainders. */
  private static boolean takes(BinaryKind kind, DType dtype) {
    return switch (kind) {
      case DIV, POW, ATAN2 -> dtype.isFloat();
      case REM -> dtype == DType.F32 || dtype == DType.F64;
      default -> true;
    };
  }

  /** Its conversions to integers neither saturate nor know NaN. */
  private static boolean converts(DType from, Primitive.Convert op) {
    return !op.saturate() && !(from.isFloat() && op.to().isInteger());
  }

  private static boolean multiplies(DType operand, DType result) {
    return operand.isFloat() && result.isFloat();
  }

  private static boolean isImages(Window window) {
    return window.rank() < 3
        && Stream.of(window.low(), window.high())
            .allMatch(edges -> edges.stream().allMatch(edge -> edge >= 0));
  }

  /**
   * The oneDNN of TensorFlow 2.18 stores channels in blocks of 16, and is wrong where a stride
   * meets an odd number of them, but for one.
   */
  private static boolean isWrong(Primitive.ConvolutionInputGradient op) {
    boolean strided = op.window().strides().stream().anyMatch(stride -> stride > 1);
    long blocks = Math.ceilDiv(op.input().dim(1), 16L);
    return strided && blocks > 1 && blocks % 2 == 1;
  }

  /**
   * The oneDNN of TensorFlow 2.18 has no kernel for windows of padding alone in some shapes, and
   * calls it.
   */
  private static boolean alwaysSees(Node node, Window window) {
    var picture = node.inputs().get(0).shape();
    var filter = node.inputs().get(1).shape();
    return IntStream.range(0, window.rank())
        .allMatch(axis -> window.alwaysSees(axis, picture.dim(axis + 2), filter.dim(axis + 2)));
  }

  private static boolean isDilated(Window window) {
    return window.dilation().stream().anyMatch(dilation -> dilation > 1);
  }

  private static boolean pools(DType dtype, PoolKind kind, Window window) {
    if (!dtype.isFloat() || !isImages(window) || isDilated(window)) return false;
    boolean padded =
        Stream.of(window.low(), window.high())
            .anyMatch(edges -> edges.stream().anyMatch(edge -> edge > 0));
    return switch (kind) {
      case MAX -> true;
      case AVERAGE -> !padded;
      case SUM -> false;
    };
  }
}
