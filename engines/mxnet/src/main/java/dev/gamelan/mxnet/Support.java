package dev.gamelan.mxnet;

import dev.gamelan.engine.Unsupported;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.Optional;
import java.util.stream.Stream;

/** What MXNet's ops compute as our ops say; the rest is the host's. */
final class Support {
  /** Of its broadcasting ops. */
  private static final int MOST_AXES = 5;

  /** Of a window, whose places are an op each. */
  private static final long MOST_PLACES = 64;

  /** Of a pooled axis, so that a constant of the graph may be as long. */
  private static final long LONGEST = 511;

  private Support() {}

  /** The first value that an array can't hold, wherever it is. */
  static Optional<Unsupported> tooLarge(Graph graph) {
    return values(graph)
        .filter(value -> value.type().size() > Array.MOST_ELEMENTS)
        .findFirst()
        .map(value -> Array.tooLarge(value.type()));
  }

  private static Stream<Value> values(Graph graph) {
    var own = graph.nodes().stream().flatMap(node -> node.results().stream());
    var inside = graph.nodes().stream().flatMap(node -> node.op().bodies().stream());
    return Stream.of(graph.inputs().stream(), own, inside.flatMap(Support::values))
        .flatMap(values -> values);
  }

  static boolean takes(Graph graph, Node node) {
    return Stream.concat(node.inputs().stream(), node.results().stream()).allMatch(Support::fits)
        && node.op() instanceof Primitive op
        && (takes(node, op) || (op instanceof Primitive.Binary b && shifts(graph, node, b.kind())));
  }

  /** Shifts of i32 by a number that is known: products, of doubles where they go right. */
  private static boolean shifts(Graph graph, Node node, BinaryKind kind) {
    var distance = graph.producer(node.inputs().get(1));
    return (kind == BinaryKind.SHIFT_LEFT
            || kind == BinaryKind.SHIFT_RIGHT_LOGICAL
            || kind == BinaryKind.SHIFT_RIGHT_ARITHMETIC)
        && node.result().type().dtype() == DType.I32
        && distance != null
        && distance.op() instanceof Primitive.Fill fill
        && 0 <= fill.value().toLong()
        && fill.value().toLong() < DType.I32.bits();
  }

  /** Pools, and gradients of such, that MXNet computes as sums or maxima over their windows. */
  static boolean isExpandedPool(Node node) {
    return switch (node.op()) {
      case Primitive.Pool op when !Convolutions.takes(op) ->
          isExpandedPool(op.size(), op.window(), node.inputs().getFirst(), node.result());
      case Primitive.PoolGradient op ->
          isExpandedPool(op.size(), op.window(), node.inputs().get(0), node.inputs().get(1));
      default -> false;
    };
  }

  private static boolean isExpandedPool(Shape size, Window window, Value x, Value pooled) {
    return fits(x)
        && fits(pooled)
        && x.type().dtype().isFloat()
        && size.size() <= MOST_PLACES
        && window.dilation().stream().allMatch(dilation -> dilation == 1)
        && pooled.shape().toList().stream().skip(2).allMatch(dim -> dim <= LONGEST);
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
          Primitive.Pad _,
          Primitive.Gather _,
          Primitive.GatherElements _,
          Primitive.DynamicSlice _,
          Primitive.Barrier _ ->
          true;
      case Primitive.Iota _ -> dtype.isFloat() || dtype == DType.I32 || dtype == DType.I64;
      case Primitive.Unary unary -> takes(unary.kind(), dtype);
      case Primitive.Binary binary -> takes(binary.kind(), dtype);
      case Primitive.Convert convert -> !convert.saturate();
      case Primitive.Reduce reduce -> takes(reduce.kind(), dtype);
      case Primitive.Cumulate cumulate ->
          cumulate.kind() == ReduceKind.SUM && !cumulate.exclusive() && dtype.isFloat();
      case Primitive.DotGeneral dot -> dtype.isFloat() && dot.result().isFloat();
      case Primitive.Convolution convolution -> isFloat(dtype, convolution.result());
      case Primitive.ConvolutionInputGradient gradient ->
          isFloat(dtype, gradient.result()) && !isDilatedSolid(gradient.window());
      case Primitive.ConvolutionFilterGradient gradient ->
          isFloat(dtype, gradient.result()) && gradient.window().rank() < 3;
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

  /** MXNet's transposed convolutions over three axes take no dilation. */
  private static boolean isDilatedSolid(Window window) {
    return window.rank() == 3 && window.dilation().stream().anyMatch(dilation -> dilation > 1);
  }

  private static boolean isFloat(DType operand, DType result) {
    return operand.isFloat() && result.isFloat();
  }

  private static boolean takes(UnaryKind kind, DType dtype) {
    return switch (kind) {
      case ABS -> dtype != DType.I64; // Through doubles.
      case ROUND_EVEN -> false; // Its halves go elsewhere.
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
