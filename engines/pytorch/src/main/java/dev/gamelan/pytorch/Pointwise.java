package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.ScalarTypes.code;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;

/** Pointwise ops as TorchScript expressions, with what PyTorch defines otherwise set right. */
final class Pointwise {
  private static final double TWO_TO_63 = 0x1p63;

  private final TorchScript script;

  Pointwise(TorchScript script) {
    this.script = script;
  }

  /** Whether there is a variant of the op that overwrites its operand. */
  boolean overwrites(UnaryKind kind) {
    return kind != UnaryKind.SIGN && kind != UnaryKind.NOT && kind != UnaryKind.IS_FINITE;
  }

  /** Whether there is a variant of the op that overwrites its first operand. */
  boolean overwrites(BinaryKind kind, DType dtype) {
    return switch (kind) {
      case ADD, SUB, MUL -> true;
      case DIV -> dtype.isFloat();
      default -> false;
    };
  }

  /**
   * @param inPlace whether {@code x} is overwritten
   */
  String unary(UnaryKind kind, Term x, boolean inPlace) {
    return switch (kind) {
      case SIGN -> sign(x);
      case NOT ->
          "torch.%s(%s)".formatted(x.dtype().isBool() ? "logical_not" : "bitwise_not", x.tensor());
      case IS_FINITE -> "torch.isfinite(%s)".formatted(x.tensor());
      case NEG,
          ABS,
          EXP,
          EXPM1,
          LOG,
          LOG1P,
          SQRT,
          RSQRT,
          SIN,
          COS,
          TANH,
          LOGISTIC,
          ERF,
          FLOOR,
          CEIL,
          ROUND_EVEN ->
          "torch.%s%s(%s)".formatted(function(kind), inPlace ? "_" : "", x.tensor());
    };
  }

  private static String function(UnaryKind kind) {
    return switch (kind) {
      case LOGISTIC -> "sigmoid";
      case ROUND_EVEN -> "round";
      default -> kind.toString();
    };
  }

  /** PyTorch's sign of NaN is 0. */
  private String sign(Term x) {
    var tensor = x.tensor();
    var sign = "torch.sign(%s)".formatted(tensor);
    return x.dtype().isFloat()
        ? "torch.where(torch.isnan(%s), %s, %s)".formatted(tensor, tensor, sign)
        : sign;
  }

  /**
   * @param inPlace whether {@code a} is overwritten
   */
  String binary(BinaryKind kind, Term a, Term b, boolean inPlace) {
    var dtype = a.dtype();
    return switch (kind) {
      case ADD, SUB, MUL -> call(kind.toString() + (inPlace ? "_" : ""), a, b);
      case DIV ->
          dtype.isFloat()
              ? call(inPlace ? "div_" : "div", a, b)
              : guarded(a, b, "torch.div(%s, %s, rounding_mode=\"trunc\")", true);
      case REM -> dtype.isFloat() ? call("fmod", a, b) : guarded(a, b, "torch.fmod(%s, %s)", false);
      // A negative number as exponent of integers is refused, a tensor is not.
      case POW -> dtype.isFloat() ? power(a, b) : call("pow", a, b);
      case MAX -> call("maximum", a, b);
      case MIN -> call("minimum", a, b);
      case ATAN2 -> call("atan2", a, b);
      case AND -> call("bitwise_and", a, b);
      case OR -> call("bitwise_or", a, b);
      case XOR -> call("bitwise_xor", a, b);
      case SHIFT_LEFT -> call("bitwise_left_shift", a, b);
      case SHIFT_RIGHT_ARITHMETIC -> call("bitwise_right_shift", a, b);
      case SHIFT_RIGHT_LOGICAL -> shiftLogically(a, b);
    };
  }

  /**
   * other ± a·b.
   *
   * @param inPlace whether {@code other} is overwritten
   */
  String addProduct(Term other, Term a, Term b, boolean negative, boolean inPlace) {
    var suffix = inPlace ? "_" : "";
    var number = a.literal().isPresent() ? a.literal() : b.literal();
    if (number.isPresent()) {
      var factor = a.literal().isPresent() ? b : a;
      return "torch.%s%s(%s, %s, alpha=%s)"
          .formatted(
              negative ? "sub" : "add", suffix, other.tensor(), factor.tensor(), number.get());
    }
    return "torch.addcmul%s(%s, %s, %s, value=%d)"
        .formatted(suffix, other.tensor(), a.broadcastable(), b.broadcastable(), negative ? -1 : 1);
  }

  /** Numbers are constants: of a literal PyTorch makes a tensor at each call, which takes 2 µs. */
  private static String call(String function, Term a, Term b) {
    return "torch.%s(%s, %s)".formatted(function, first(a, b), b.broadcastable());
  }

  /** Squares and roots have kernels of their own, which a literal finds. */
  private static String power(Term a, Term b) {
    return a.number() == null && b.literal().isPresent()
        ? "torch.pow(%s, %s)".formatted(a.tensor(), b.literal().get())
        : call("pow", a, b);
  }

  /** At least one operand must have the result's shape. */
  private static String first(Term a, Term b) {
    return b.isFull() ? a.broadcastable() : a.tensor();
  }

  /** The CPU traps on x / 0 and on the least integer / −1. */
  private String guarded(Term a, Term b, String format, boolean quotient) {
    var number = b.number();
    if (number != null && number.toLong() != 0 && number.toLong() != -1) {
      return format.formatted(a.tensor(), b.broadcastable());
    }
    var divisor = b.tensor();
    var dividend = a.tensor();
    var zero = script.let("torch.eq(%s, 0)", divisor);
    if (a.dtype().isUnsigned()) {
      return format.formatted(dividend, "torch.masked_fill(%s, %s, 1)".formatted(divisor, zero));
    }
    var minus = script.let("torch.eq(%s, -1)", divisor);
    var safe =
        script.let("torch.masked_fill(%s, torch.logical_or(%s, %s), 1)", divisor, zero, minus);
    var result = format.formatted(dividend, safe);
    return quotient
        ? "torch.where(%s, torch.neg(%s), %s)".formatted(minus, dividend, result)
        : result;
  }

  /** PyTorch shifts signed integers arithmetically: the sign's copies are masked away. */
  private String shiftLogically(Term a, Term b) {
    var dtype = a.dtype();
    if (dtype.isUnsigned()) return call("bitwise_right_shift", a, b);
    var number = b.number();
    if (number != null && number.toLong() > 0 && number.toLong() < dtype.bits()) {
      long mask = ~(-1L << (dtype.bits() - number.toLong()));
      return "torch.bitwise_and(torch.bitwise_right_shift(%s, %d), %d)"
          .formatted(a.tensor(), number.toLong(), mask);
    }
    var x = a.tensor();
    var shift = b.tensor();
    if (dtype == DType.I64) {
      var half =
          "torch.bitwise_and(torch.bitwise_right_shift(%s, 1), %d)".formatted(x, Long.MAX_VALUE);
      var rest = "torch.bitwise_right_shift(%s, torch.sub(%s, 1))".formatted(half, shift);
      return "torch.where(torch.eq(%s, 0), %s, %s)".formatted(shift, x, rest);
    }
    return "torch.to(torch.bitwise_right_shift(torch.bitwise_and(torch.to(%s, 4), %d), torch.to(%s, 4)), %d)"
        .formatted(x, ~(-1L << dtype.bits()), shift, code(dtype));
  }

  String compare(CompareKind kind, Term a, Term b) {
    return call(kind.toString(), a, b);
  }

  String select(Term predicate, Term a, Term b) {
    var condition = predicate.tensor();
    return "torch.where(%s, %s, %s)".formatted(condition, a.broadcastable(), b.broadcastable());
  }

  String convert(Term x, DType to, boolean saturate) {
    var from = x.dtype();
    if (to.isBool()) return "torch.ne(%s, 0)".formatted(x.tensor());
    if (to.isFloat()) {
      if (!saturate) return to(x.tensor(), to);
      // In a dtype that holds the bounds.
      boolean enough = from == DType.F64 || (from == DType.F32 && to != DType.F64);
      var wide = enough ? x.tensor() : to(x.tensor(), DType.F64);
      double max = to.format().max();
      return to("torch.clamp(%s, %s, %s)".formatted(wide, number(-max), number(max)), to);
    }
    return from.isFloat() ? toInteger(x, to) : to(x.tensor(), to);
  }

  /** A number outside the integer's range is undefined in C++. */
  private String toInteger(Term x, DType to) {
    var from = x.dtype();
    if (to == DType.I64) {
      var wide = from == DType.F64 ? x.tensor() : script.let(to(x.tensor(), DType.F64));
      var inside =
          "torch.clamp(torch.nan_to_num(%s, 0., None, None), %s, %s)"
              .formatted(wide, number(-TWO_TO_63), number(Math.nextDown(TWO_TO_63)));
      return "torch.where(torch.ge(%s, %s), %d, %s)"
          .formatted(wide, number(TWO_TO_63), Long.MAX_VALUE, to(inside, to));
    }
    // The width that holds both bounds.
    var wide = from == DType.F64 || to == DType.I32 ? DType.F64 : DType.F32;
    double high = to.fromDouble(Double.POSITIVE_INFINITY);
    double low = to.fromDouble(Double.NEGATIVE_INFINITY);
    var tensor = from == wide ? x.tensor() : to(x.tensor(), wide);
    return to(
        "torch.clamp(torch.nan_to_num(%s, 0., %s, %s), %s, %s)"
            .formatted(tensor, number(high), number(low), number(low), number(high)),
        to);
  }

  private static String number(double value) {
    return Term.literal(Scalar.of(DType.F64, value)).orElseThrow();
  }

  private static String to(String tensor, DType dtype) {
    return "torch.to(%s, %d)".formatted(tensor, code(dtype));
  }
}
