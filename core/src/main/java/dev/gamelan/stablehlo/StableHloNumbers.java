package dev.gamelan.stablehlo;

import static dev.gamelan.stablehlo.StableHloText.array;
import static dev.gamelan.stablehlo.StableHloText.type;

import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.FftKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.stablehlo.StableHloText.Ssa;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Comparisons, conversions, reductions and transforms. */
final class StableHloNumbers {
  private final StableHloText text;

  StableHloNumbers(StableHloText text) {
    this.text = text;
  }

  Ssa compare(CompareKind kind, TensorType operand, Ssa a, Ssa b) {
    var direction =
        "comparison_direction = #stablehlo<comparison_direction %s>"
            .formatted(kind.name().toUpperCase(Locale.ROOT));
    return text.op("stablehlo.compare", direction, type(operand.with(DType.BOOL)), a, b);
  }

  /** A conversion that loses nothing, or only rounds. */
  Ssa cast(Ssa x, TensorType from, DType to) {
    return from.dtype() == to ? x : cast(x, from.with(to));
  }

  Ssa cast(Ssa x, TensorType to) {
    return text.op("stablehlo.convert", to, x);
  }

  Ssa convert(Ssa x, TensorType type, DType to, boolean saturate) {
    var from = type.dtype();
    if (to.isBool()) {
      return from.isBool() ? x : compare(CompareKind.NE, type, x, text.splat(type, 0));
    }
    if (to.isFloat() && saturate) {
      var wide = type.with(from == DType.F32 && to != DType.F64 ? DType.F32 : DType.F64);
      double max = to.format().max();
      return cast(clamp(cast(x, type, wide.dtype()), wide, -max, max), wide, to);
    }
    return from.isFloat() && to.isInteger() ? integer(x, type, to) : cast(x, type, to);
  }

  /** What lies outside of an integer's range is left open by the specification, and so is NaN. */
  private Ssa integer(Ssa x, TensorType type, DType to) {
    var wide = type.with(to.bits() > 16 || type.dtype() == DType.F64 ? DType.F64 : DType.F32);
    var number = cast(x, type, wide.dtype());
    var isNumber = compare(CompareKind.EQ, wide, number, number);
    var real = text.op("stablehlo.select", wide, isNumber, number, text.splat(wide, 0));
    double low = to.isUnsigned() ? 0 : -Math.scalb(1.0, to.bits() - 1);
    double beyond = Math.scalb(1.0, to.isUnsigned() ? to.bits() : to.bits() - 1);
    // The largest integer of 64 bits is no double: what reaches beyond it is selected.
    double high = to.bits() == 64 ? Math.nextDown(beyond) : beyond - 1;
    var inside = cast(clamp(real, wide, low, high), wide, to);
    if (to.bits() < 64) return inside;
    var reaches =
        compare(CompareKind.GE, wide, real, text.splat(wide, Scalar.of(wide.dtype(), beyond)));
    var largest = text.splat(type.with(to), Scalar.of(to, Double.POSITIVE_INFINITY));
    return text.op("stablehlo.select", type.with(to), reaches, largest, inside);
  }

  private Ssa clamp(Ssa x, TensorType type, double low, double high) {
    var least = text.splat(type, Scalar.of(type.dtype(), low));
    var most = text.splat(type, Scalar.of(type.dtype(), high));
    return text.op("stablehlo.clamp", type, least, x, most);
  }

  /** Half precision accumulates in f32. */
  static DType wide(DType dtype) {
    return dtype == DType.F16 || dtype == DType.BF16 ? DType.F32 : dtype;
  }

  Ssa reduce(Primitive.Reduce op, TensorType operand, Ssa x) {
    var dtype = wide(operand.dtype());
    var result = operand.with(operand.shape().without(op.axes()));
    var wide = result.with(dtype);
    var reduced =
        text.ops(
                "stablehlo.reduce",
                "dimensions = " + array(op.axes()),
                List.of(combiner(op.kind(), dtype)),
                List.of(type(wide)),
                List.of(cast(x, operand, dtype), identity(op.kind(), dtype)))
            .getFirst();
    return cast(reduced, wide, result.dtype());
  }

  Ssa identity(ReduceKind kind, DType dtype) {
    return text.splat(TensorType.of(dtype), kind.identity(dtype));
  }

  /** A region that combines two scalars. */
  String combiner(ReduceKind kind, DType dtype) {
    var scalar = TensorType.of(dtype);
    return text.region(
        List.of(type(scalar), type(scalar)),
        pair -> List.of(text.op("stablehlo." + combine(kind), scalar, pair.get(0), pair.get(1))));
  }

  private static String combine(ReduceKind kind) {
    return switch (kind) {
      case SUM -> "add";
      case PROD -> "multiply";
      case MAX -> "maximum";
      case MIN -> "minimum";
      case AND -> "and";
      case OR -> "or";
    };
  }

  // ---- spectral: the axis goes last, and comes back

  Ssa fft(Primitive.Fft op, TensorType operand, TensorType result, Ssa x) {
    boolean complexIn = op.kind() != FftKind.REAL_FORWARD;
    boolean complexOut = op.kind() != FftKind.REAL_INVERSE;
    var inside = complexIn ? part(operand) : operand;
    var outside = complexOut ? part(result) : result;
    var order = lastOf(inside.rank(), op.axis());
    var line = inside.with(inside.shape().select(order));
    var lineOut = outside.with(outside.shape().select(order));
    Ssa input;
    if (complexIn) {
      var real = moved(component(x, operand, 0), inside, order);
      var imaginary = moved(component(x, operand, 1), inside, order);
      input = text.op("stablehlo.complex", "", StableHloText.complex(line), real, imaginary);
    } else {
      input = moved(x, inside, order);
    }
    var attributes =
        "fft_type = #stablehlo<fft_type %s>, fft_length = %s"
            .formatted(kind(op.kind()), array(op.length()));
    var transformed =
        text.op(
            "stablehlo.fft",
            attributes,
            complexOut ? StableHloText.complex(lineOut) : type(lineOut),
            input);
    if (!complexOut) return back(transformed, lineOut, order);
    var pair = outside.with(outside.shape().append(1));
    var parts = new ArrayList<Ssa>();
    for (var name : List.of("stablehlo.real", "stablehlo.imag")) {
      var moved = back(text.op(name, lineOut, transformed), lineOut, order);
      parts.add(text.op("stablehlo.reshape", pair, moved));
    }
    var dimension = "dimension = %d : i64".formatted(result.rank() - 1);
    return text.op("stablehlo.concatenate", dimension, type(result), parts.get(0), parts.get(1));
  }

  private static String kind(FftKind kind) {
    return switch (kind) {
      case FORWARD -> "FFT";
      case INVERSE -> "IFFT";
      case REAL_FORWARD -> "RFFT";
      case REAL_INVERSE -> "IRFFT";
    };
  }

  private static TensorType part(TensorType pairs) {
    return pairs.with(pairs.shape().without(List.of(-1)));
  }

  private Ssa component(Ssa pairs, TensorType type, long index) {
    var slice = Primitive.sliceAxis(type.shape(), type.rank() - 1, index, index + 1);
    var attributes =
        "start_indices = %s, limit_indices = %s, strides = %s"
            .formatted(array(slice.starts()), array(slice.limits()), array(slice.strides()));
    var column = type.with(type.shape().with(-1, 1));
    return text.op(
        "stablehlo.reshape",
        part(type),
        text.op("stablehlo.slice", attributes, type(column), pairs));
  }

  private static List<Integer> lastOf(int rank, int axis) {
    var order = new ArrayList<Integer>();
    for (int i = 0; i < rank; i++) if (i != axis) order.add(i);
    order.add(axis);
    return order;
  }

  private Ssa moved(Ssa x, TensorType type, List<Integer> order) {
    return text.op(
        "stablehlo.transpose",
        "permutation = " + array(order),
        type(type.with(type.shape().select(order))),
        x);
  }

  private Ssa back(Ssa x, TensorType moved, List<Integer> order) {
    var inverse =
        order.stream()
            .sorted()
            .map(order::indexOf)
            .collect(Collectors.toCollection(ArrayList::new));
    return moved(x, moved, inverse);
  }
}
