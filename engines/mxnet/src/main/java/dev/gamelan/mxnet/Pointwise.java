package dev.gamelan.mxnet;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.type.Broadcasting;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Pointwise ops. Operands that are narrow stay so until an op meets them with a wider one. */
final class Pointwise {
  private final Writer w;

  Pointwise(Writer writer) {
    this.w = writer;
  }

  Term unary(UnaryKind kind, Term x, TensorType type) {
    var op =
        switch (kind) {
          case NEG -> "negative";
          case ABS -> "abs";
          case SIGN -> "sign";
          case EXP -> "exp";
          case EXPM1 -> "expm1";
          case LOG -> "log";
          case LOG1P -> "log1p";
          case SQRT -> "sqrt";
          case RSQRT -> "rsqrt";
          case SIN -> "sin";
          case COS -> "cos";
          case TANH -> "tanh";
          case LOGISTIC -> "sigmoid";
          case ERF -> "erf";
          case FLOOR -> "floor";
          case CEIL -> "ceil";
          case NOT -> x.dtype().isBool() ? "_npi_logical_not" : "_npi_bitwise_not";
          case IS_FINITE -> "_npi_isfinite";
          case ROUND_EVEN -> throw new IllegalStateException(kind + " is the host's");
        };
    int node = w.op(op, w.narrow(x));
    if (kind == UnaryKind.SIGN && x.dtype().isFloat()) { // MXNet's of NaN is 0.
      node = w.op("_npi_where", w.op("_npi_equal", w.narrow(x), w.narrow(x)), node, w.narrow(x));
    }
    return new Term(node, type, stored(x), null);
  }

  Term binary(BinaryKind kind, Term a, Term b) {
    if (a.dtype().isBool()) return logical(kind, a, b);
    if (b.number() != null && isShift(kind)) return shift(kind, a, b.number().toLong());
    boolean scalars = a.dtype() == DType.F32 || a.dtype() == DType.F64 || a.dtype() == DType.I32;
    if (scalars && isFinite(b)) {
      var op = withScalar(kind, false);
      if (op != null) return scalar(op, a, b);
    }
    if (scalars && isFinite(a)) {
      var op = withScalar(kind, true);
      if (op != null) return scalar(op, b, a);
    }
    var op =
        switch (kind) {
          case ADD -> "broadcast_add";
          case SUB -> "broadcast_sub";
          case MUL -> "broadcast_mul";
          case DIV -> "broadcast_div";
          case POW -> "broadcast_power";
          case MAX -> "broadcast_maximum";
          case MIN -> "broadcast_minimum";
          case ATAN2 -> "_npi_arctan2";
          case AND -> "_npi_bitwise_and";
          case OR -> "_npi_bitwise_or";
          case XOR -> "_npi_bitwise_xor";
          case REM, SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC ->
              throw new IllegalStateException(kind + " is the host's");
        };
    return combined(op, a, b, a.type());
  }

  private static boolean isShift(BinaryKind kind) {
    return kind == BinaryKind.SHIFT_LEFT
        || kind == BinaryKind.SHIFT_RIGHT_LOGICAL
        || kind == BinaryKind.SHIFT_RIGHT_ARITHMETIC;
  }

  /** Of i32, which doubles hold. */
  private Term shift(BinaryKind kind, Term x, long distance) {
    int node = w.narrow(x);
    if (kind == BinaryKind.SHIFT_LEFT) {
      node = withScalar("_mul_scalar", (double) DType.I32.wrap(1L << distance), node);
    } else if (distance > 0) {
      int wide = w.cast(node, DType.I32, DType.F64);
      int shifted =
          w.op("floor", withScalar("_mul_scalar", Math.scalb(1.0, (int) -distance), wide));
      node = w.cast(shifted, DType.F64, DType.I32);
      double bits = Math.scalb(1.0, DType.I32.bits() - (int) distance) - 1;
      if (kind == BinaryKind.SHIFT_RIGHT_LOGICAL) {
        node = withScalar("_npi_bitwise_and_scalar", bits, node);
      }
    }
    return new Term(node, x.type(), stored(x), null);
  }

  private int withScalar(String op, double value, int node) {
    return w.op(op, Map.of("scalar", value), node);
  }

  private Term logical(BinaryKind kind, Term a, Term b) {
    return switch (kind) {
      case AND -> ofBytes("broadcast_mul", a, b);
      case OR -> ofBytes("broadcast_maximum", a, b);
      case XOR -> compare(CompareKind.NE, a, b);
      default -> throw new IllegalStateException(kind + " takes no bool");
    };
  }

  private Term ofBytes(String op, Term a, Term b) {
    var bytes = a.type().with(DType.U8);
    return convert(combined(op, convert(a, DType.U8), convert(b, DType.U8), bytes), DType.BOOL);
  }

  private static boolean isFinite(Term x) {
    return x.number() != null && Double.isFinite(x.number().toDouble());
  }

  /** The op that takes the number as an attribute, or null. */
  private static @Nullable String withScalar(BinaryKind kind, boolean numberFirst) {
    return switch (kind) {
      case ADD -> "_plus_scalar";
      case MUL -> "_mul_scalar";
      case SUB -> numberFirst ? "_rminus_scalar" : "_minus_scalar";
      case DIV -> numberFirst ? "_rdiv_scalar" : "_div_scalar";
      default -> null;
    };
  }

  private Term scalar(String op, Term x, Term number) {
    var value = number.number();
    if (value == null) throw new IllegalStateException("no number");
    int node = withScalar(op, value.toDouble(), w.narrow(x));
    return new Term(node, x.type(), stored(x), null);
  }

  /** As wide as the wider operand is. */
  private Term combined(String op, Term a, Term b, TensorType type) {
    var shape = common(stored(a), stored(b));
    return new Term(w.op(op, w.narrow(a), w.narrow(b)), type, shape, null);
  }

  private static Shape common(Shape a, Shape b) {
    return Broadcasting.common("pointwise", a, b);
  }

  private static Shape stored(Term x) {
    return x.number() == null ? x.stored() : Writer.ones(x.stored().rank());
  }

  Term compare(CompareKind kind, Term a, Term b) {
    var op =
        switch (kind) {
          case EQ -> "_npi_equal";
          case NE -> "_npi_not_equal";
          case LT -> "_npi_less";
          case LE -> "_npi_less_equal";
          case GT -> "_npi_greater";
          case GE -> "_npi_greater_equal";
        };
    return combined(op, a, b, a.type().with(DType.BOOL));
  }

  Term select(Term predicate, Term a, Term b) {
    var shape = common(stored(predicate), common(stored(a), stored(b)));
    boolean alike =
        stored(predicate).equals(shape) && stored(a).equals(shape) && stored(b).equals(shape);
    int chosen = w.narrow(predicate);
    // The one that does not broadcast is faster, and knows no bool.
    int node =
        alike && !a.dtype().isBool()
            ? w.op("where", w.cast(chosen, DType.BOOL, DType.U8), w.narrow(a), w.narrow(b))
            : w.op("_npi_where", chosen, w.narrow(a), w.narrow(b));
    return new Term(node, a.type(), shape, null);
  }

  Term convert(Term x, DType to) {
    int node = w.narrow(x);
    int converted =
        x.dtype().isFloat() && to.isInteger()
            ? toInteger(node, x, to)
            : w.cast(node, x.dtype(), to);
    return new Term(converted, x.type().with(to), stored(x), null);
  }

  /**
   * Saturates, and NaN becomes 0; the largest i64 is no double, so that what is beyond is chosen.
   */
  private int toInteger(int node, Term x, DType to) {
    int rank = x.stored().rank();
    double least = minimum(to);
    double beyond = Math.scalb(1.0, to.isUnsigned() ? to.bits() : to.bits() - 1);
    int wide = w.cast(node, x.dtype(), DType.F64);
    int isNumber = w.op("_npi_equal", wide, wide);
    int isHigh = w.op("_npi_greater_equal", wide, w.number(DType.F64, beyond, rank));
    int isLow = w.op("_npi_less", wide, w.number(DType.F64, least, rank));
    int zero = w.number(DType.F64, 0, rank);
    int inside = w.op("_npi_where", isNumber, wide, zero);
    inside = w.op("_npi_where", isHigh, zero, inside);
    inside = w.op("_npi_where", isLow, zero, inside);
    int value = w.cast(inside, DType.F64, to);
    long most = (long) beyond == Long.MAX_VALUE ? Long.MAX_VALUE : (long) beyond - 1;
    value = w.op("_npi_where", isHigh, w.number(Scalar.of(to, most), rank), value);
    return w.op("_npi_where", isLow, w.number(Scalar.of(to, (long) least), rank), value);
  }

  private static double minimum(DType dtype) {
    return dtype.isUnsigned() ? 0 : -Math.scalb(1.0, dtype.bits() - 1);
  }
}
