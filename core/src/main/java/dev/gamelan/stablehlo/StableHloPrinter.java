package dev.gamelan.stablehlo;

import static dev.gamelan.stablehlo.StableHloText.array;
import static dev.gamelan.stablehlo.StableHloText.type;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.PoolExpansion;
import dev.gamelan.stablehlo.StableHloText.Ssa;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Writes a graph of primitives as a StableHLO module with a function {@code main}. An op that
 * StableHLO has is that op; what it leaves open or defines otherwise (NaN in conversions to
 * integers, accumulation of half precision) is written out. Indices out of range are clamped by a
 * gather and skipped by a scatter.
 */
public final class StableHloPrinter {
  private final StableHloText text;
  private final StableHloWindows windows;
  private final StableHloIndexing indexing;
  private final StableHloNumbers numbers;
  private final Map<Value, Ssa> values = new HashMap<>();

  private StableHloPrinter(StableHloText text) {
    this.text = text;
    this.windows = new StableHloWindows(text);
    this.indexing = new StableHloIndexing(text);
    this.numbers = new StableHloNumbers(text);
  }

  /**
   * @throws IllegalArgumentException for composites, which are to be expanded first, and custom
   *     calls
   */
  public static String print(Graph graph) {
    var rewritten = PoolExpansion.apply(graph, StableHloPrinter::isDilatedMaximum);
    var text = new StableHloText();
    var arguments = new ArrayList<Ssa>();
    for (var input : rewritten.inputs()) {
      arguments.add(new Ssa("%arg" + arguments.size(), type(input.type())));
    }
    var results = new StableHloPrinter(text).outputs(rewritten, arguments);
    var parameters =
        arguments.stream()
            .map(argument -> argument.name() + ": " + argument.type())
            .collect(Collectors.joining(", "));
    return """
    module @gamelan {
      func.func public @main(%s) -> %s {
    %s    "func.return"%s : %s -> ()
      }
    }
    """
        .formatted(
            parameters,
            StableHloText.types(results),
            text.body(),
            StableHloText.names(results),
            StableHloText.types(results));
  }

  /** StableHLO's select_and_scatter has no dilation. */
  private static boolean isDilatedMaximum(Node node) {
    return node.op() instanceof Primitive.PoolGradient op
        && op.kind() == PoolKind.MAX
        && op.window().dilation().stream().anyMatch(dilation -> dilation > 1)
        && node.inputs().get(1).type().size() > 0;
  }

  private List<Ssa> outputs(Graph graph, List<Ssa> inputs) {
    for (int i = 0; i < inputs.size(); i++) values.put(graph.inputs().get(i), inputs.get(i));
    for (var node : graph.nodes()) {
      var results = results(node);
      for (int i = 0; i < results.size(); i++) values.put(node.results().get(i), results.get(i));
    }
    return graph.outputs().stream().map(this::ssa).toList();
  }

  private Ssa ssa(Value value) {
    var ssa = values.get(value);
    if (ssa == null) throw new IllegalStateException(value + " is of another graph");
    return ssa;
  }

  private List<Ssa> results(Node node) {
    boolean empty =
        !node.results().isEmpty() && node.results().stream().allMatch(v -> v.type().size() == 0);
    if (empty) return node.results().stream().map(v -> text.splat(v.type(), 0)).toList();
    return switch (node.op()) {
      case Composite op ->
          throw new IllegalArgumentException(op.name() + " is a composite; expand it first");
      case Primitive op -> primitive(op, node, node.inputs().stream().map(this::ssa).toList());
    };
  }

  private List<Ssa> primitive(Primitive op, Node node, List<Ssa> x) {
    var operand = node.inputs().isEmpty() ? null : node.inputs().getFirst().type();
    return switch (op) {
      case Primitive.Scan scan -> scan(scan, node, x);
      case Primitive.While loop -> loop(loop, x);
      case Primitive.Cond cond -> cond(cond, node, x);
      case Primitive.Barrier barrier ->
          x.isEmpty()
              ? x
              : text.ops(
                  "stablehlo.optimization_barrier",
                  "",
                  List.of(),
                  x.stream().map(Ssa::type).toList(),
                  x);
      case Primitive.Sort sort -> indexing.sort(types(node.inputs()), x, sort);
      case Primitive.TopK top ->
          indexing.topK(node.inputs().getFirst().type(), x.getFirst(), top.k());
      case Primitive.CustomCall call ->
          throw new IllegalArgumentException(
              "custom_call '%s' is no StableHLO".formatted(call.target()));
      case Primitive.Constant constant -> List.of(text.constant(constant.literal()));
      case Primitive.Fill fill -> List.of(text.splat(node.result().type(), fill.value()));
      default -> List.of(single(op, node, x, operand == null ? node.result().type() : operand));
    };
  }

  /** Ops of one result. */
  private Ssa single(Primitive op, Node node, List<Ssa> x, TensorType operand) {
    var result = node.result().type();
    return switch (op) {
      case Primitive.Iota iota ->
          text.op(
              "stablehlo.iota", "iota_dimension = %d : i64".formatted(iota.axis()), type(result));
      case Primitive.Unary unary -> unary(unary.kind(), operand, x.getFirst());
      case Primitive.Binary binary -> binary(binary.kind(), result, x.get(0), x.get(1));
      case Primitive.Compare compare ->
          numbers.compare(compare.kind(), operand, x.get(0), x.get(1));
      case Primitive.Select select ->
          text.op("stablehlo.select", result, x.get(0), x.get(1), x.get(2));
      case Primitive.Convert convert ->
          numbers.convert(x.getFirst(), operand, convert.to(), convert.saturate());
      case Primitive.Bitcast bitcast -> text.op("stablehlo.bitcast_convert", result, x.getFirst());
      case Primitive.Reshape reshape -> text.op("stablehlo.reshape", result, x.getFirst());
      case Primitive.Transpose transpose ->
          text.op(
              "stablehlo.transpose",
              "permutation = " + array(transpose.permutation()),
              type(result),
              x.getFirst());
      case Primitive.BroadcastInDim broadcast ->
          text.op(
              "stablehlo.broadcast_in_dim",
              "broadcast_dimensions = " + array(broadcast.axes()),
              type(result),
              x.getFirst());
      case Primitive.Slice slice ->
          text.op(
              "stablehlo.slice",
              "start_indices = %s, limit_indices = %s, strides = %s"
                  .formatted(array(slice.starts()), array(slice.limits()), array(slice.strides())),
              type(result),
              x.getFirst());
      case Primitive.Pad pad ->
          text.op(
              "stablehlo.pad",
              "edge_padding_low = %s, edge_padding_high = %s, interior_padding = %s"
                  .formatted(array(pad.low()), array(pad.high()), array(pad.interior())),
              type(result),
              x.get(0),
              x.get(1));
      case Primitive.Concatenate concatenate ->
          text.op(
              "stablehlo.concatenate",
              "dimension = %d : i64".formatted(concatenate.axis()),
              type(result),
              x.toArray(Ssa[]::new));
      case Primitive.Reverse reverse ->
          text.op(
              "stablehlo.reverse",
              "dimensions = " + array(reverse.axes()),
              type(result),
              x.getFirst());
      case Primitive.DynamicSlice slice ->
          text.op(
              "stablehlo.dynamic_slice",
              "slice_sizes = " + array(slice.sizes().toList()),
              type(result),
              starts(node, x, 1));
      case Primitive.DynamicUpdateSlice update ->
          text.op("stablehlo.dynamic_update_slice", "", type(result), starts(node, x, 2));
      case Primitive.Reduce reduce -> numbers.reduce(reduce, operand, x.getFirst());
      case Primitive.ArgReduce reduce -> indexing.argReduce(reduce, operand, x.getFirst());
      case Primitive.Cumulate cumulate -> windows.cumulate(cumulate, operand, x.getFirst());
      case Primitive.DotGeneral dot -> windows.dot(dot, types(node.inputs()), result, x);
      case Primitive.Convolution convolution ->
          windows.convolution(convolution, types(node.inputs()), result, x);
      case Primitive.ConvolutionInputGradient gradient ->
          windows.inputGradient(gradient, types(node.inputs()), x);
      case Primitive.ConvolutionFilterGradient gradient ->
          windows.filterGradient(gradient, types(node.inputs()), x);
      case Primitive.Pool pool -> windows.pool(pool, operand, result, x.getFirst());
      case Primitive.PoolGradient gradient ->
          windows.poolGradient(gradient, operand, node.inputs().get(1).type(), x);
      case Primitive.Gather gather -> indexing.gather(gather, types(node.inputs()), result, x);
      case Primitive.Scatter scatter -> indexing.scatter(scatter, types(node.inputs()), x);
      case Primitive.GatherElements gather ->
          indexing.gatherElements(gather, types(node.inputs()), result, x);
      case Primitive.ScatterElements scatter ->
          indexing.scatterElements(scatter, types(node.inputs()), x);
      case Primitive.Fft fft -> numbers.fft(fft, operand, result, x.getFirst());
      case Primitive.Scan _,
          Primitive.While _,
          Primitive.Cond _,
          Primitive.Barrier _,
          Primitive.Sort _,
          Primitive.TopK _,
          Primitive.CustomCall _,
          Primitive.Constant _,
          Primitive.Fill _ ->
          throw new IllegalStateException(op.name() + " is done above");
    };
  }

  private static List<TensorType> types(List<Value> values) {
    return values.stream().map(Value::type).toList();
  }

  private Ssa unary(UnaryKind kind, TensorType type, Ssa x) {
    boolean unsigned = type.dtype().isUnsigned();
    return switch (kind) {
      case ABS -> unsigned ? x : text.op("stablehlo.abs", type, x);
      case SIGN ->
          unsigned
              ? numbers.cast(numbers.compare(CompareKind.NE, type, x, text.splat(type, 0)), type)
              : text.op("stablehlo.sign", type, x);
      case ERF -> text.op("chlo.erf", type, x);
      case IS_FINITE -> text.op("stablehlo.is_finite", type.with(DType.BOOL), x);
      case NEG -> text.op("stablehlo.negate", type, x);
      case EXP -> text.op("stablehlo.exponential", type, x);
      case EXPM1 -> text.op("stablehlo.exponential_minus_one", type, x);
      case LOG1P -> text.op("stablehlo.log_plus_one", type, x);
      case SIN -> text.op("stablehlo.sine", type, x);
      case COS -> text.op("stablehlo.cosine", type, x);
      case ROUND_EVEN -> text.op("stablehlo.round_nearest_even", type, x);
      case LOG, SQRT, RSQRT, TANH, LOGISTIC, FLOOR, CEIL, NOT ->
          text.op("stablehlo." + kind, type, x);
    };
  }

  private Ssa binary(BinaryKind kind, TensorType type, Ssa a, Ssa b) {
    var name =
        switch (kind) {
          case SUB -> "subtract";
          case MUL -> "multiply";
          case DIV -> "divide";
          case REM -> "remainder";
          case POW -> "power";
          case MAX -> "maximum";
          case MIN -> "minimum";
          case ADD, ATAN2, AND, OR, XOR, SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC ->
              kind.name().toLowerCase(Locale.ROOT);
        };
    return text.op("stablehlo." + name, type, a, b);
  }

  /** Operands with the starts, from {@code first} on, as i64: they must be of one type. */
  private Ssa[] starts(Node node, List<Ssa> x, int first) {
    var operands = new ArrayList<>(x.subList(0, first));
    for (int i = first; i < x.size(); i++) {
      operands.add(numbers.cast(x.get(i), node.inputs().get(i).type(), DType.I64));
    }
    return operands.toArray(Ssa[]::new);
  }

  // ---- control flow

  private List<Ssa> body(Graph graph, List<Ssa> arguments) {
    return new StableHloPrinter(text).outputs(graph, arguments);
  }

  private List<Ssa> loop(Primitive.While op, List<Ssa> x) {
    var types = x.stream().map(Ssa::type).toList();
    var condition = text.region(types, arguments -> body(op.condition(), arguments));
    var body =
        text.region(
            types,
            arguments -> {
              var next = new ArrayList<>(body(op.body(), arguments));
              next.addAll(arguments.subList(op.carries(), arguments.size()));
              return next;
            });
    return text.ops("stablehlo.while", "", List.of(condition, body), types, x)
        .subList(0, op.carries());
  }

  private List<Ssa> cond(Primitive.Cond op, Node node, List<Ssa> x) {
    var arguments = x.subList(1, x.size());
    var onTrue = text.region(List.of(), none -> body(op.onTrue(), arguments));
    var onFalse = text.region(List.of(), none -> body(op.onFalse(), arguments));
    var types = node.results().stream().map(value -> type(value.type())).toList();
    return text.ops("stablehlo.if", "", List.of(onTrue, onFalse), types, x.subList(0, 1));
  }

  /** A while whose state is a counter, the carries, the stacked results, and all other operands. */
  private List<Ssa> scan(Primitive.Scan op, Node node, List<Ssa> x) {
    int carries = op.carries();
    var stacked = node.results().subList(carries, node.results().size());
    var counter = TensorType.of(DType.I64);
    var state = new ArrayList<Ssa>();
    state.add(text.splat(counter, 0));
    state.addAll(x.subList(0, carries));
    for (var value : stacked) state.add(text.splat(value.type(), 0));
    int rest = state.size();
    state.addAll(x.subList(carries, x.size()));
    var types = state.stream().map(Ssa::type).toList();
    var condition =
        text.region(
            types,
            arguments ->
                List.of(
                    numbers.compare(
                        CompareKind.LT,
                        counter,
                        arguments.getFirst(),
                        text.splat(counter, op.length()))));
    var body = text.region(types, arguments -> step(op, node, stacked, rest, arguments));
    var results = text.ops("stablehlo.while", "", List.of(condition, body), types, state);
    return results.subList(1, rest);
  }

  private List<Ssa> step(
      Primitive.Scan op, Node node, List<Value> stacked, int rest, List<Ssa> state) {
    int carries = op.carries();
    var counter = TensorType.of(DType.I64);
    var at = state.getFirst();
    if (op.reverse()) {
      at = text.op("stablehlo.subtract", counter, text.splat(counter, op.length() - 1), at);
    }
    var arguments = new ArrayList<>(state.subList(1, 1 + carries));
    for (int i = 0; i < op.sequences(); i++) {
      var type = node.inputs().get(carries + i).type();
      arguments.add(row(state.get(rest + i), type, at));
    }
    arguments.addAll(state.subList(rest + op.sequences(), state.size()));
    var results = body(op.body(), arguments);
    var next = new ArrayList<Ssa>();
    var one = text.splat(counter, 1);
    next.add(text.op("stablehlo.add", counter, state.getFirst(), one));
    next.addAll(results.subList(0, carries));
    for (int i = 0; i < stacked.size(); i++) {
      var type = stacked.get(i).type();
      next.add(withRow(state.get(1 + carries + i), type, results.get(carries + i), at));
    }
    next.addAll(state.subList(rest, state.size()));
    return next;
  }

  private Ssa row(Ssa sequence, TensorType type, Ssa at) {
    var single = type.with(type.shape().with(0, 1));
    if (single.size() == 0) return text.splat(type.with(type.shape().without(List.of(0))), 0);
    var slice =
        text.op(
            "stablehlo.dynamic_slice",
            "slice_sizes = " + array(single.shape().toList()),
            type(single),
            corner(sequence, type, at).toArray(Ssa[]::new));
    return text.op("stablehlo.reshape", type.with(type.shape().without(List.of(0))), slice);
  }

  private Ssa withRow(Ssa stacked, TensorType type, Ssa row, Ssa at) {
    var single = type.with(type.shape().with(0, 1));
    if (single.size() == 0) return stacked;
    var operands = new ArrayList<>(corner(stacked, type, at));
    operands.add(1, text.op("stablehlo.reshape", single, row));
    return text.op("stablehlo.dynamic_update_slice", "", type(type), operands.toArray(Ssa[]::new));
  }

  private List<Ssa> corner(Ssa x, TensorType type, Ssa at) {
    var operands = new ArrayList<Ssa>(List.of(x, at));
    for (int i = 1; i < type.rank(); i++) operands.add(text.splat(TensorType.of(DType.I64), 0));
    return operands;
  }
}
