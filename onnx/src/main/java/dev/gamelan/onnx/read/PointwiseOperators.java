package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import java.util.Map;
import java.util.function.BiFunction;

/** Arithmetic, functions, comparisons and logic, element by element. */
final class PointwiseOperators {
  private PointwiseOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Abs", unary(UnaryKind.ABS)),
        entry("Neg", unary(UnaryKind.NEG)),
        entry("Sign", unary(UnaryKind.SIGN)),
        entry("Exp", unary(UnaryKind.EXP)),
        entry("Log", unary(UnaryKind.LOG)),
        entry("Sqrt", unary(UnaryKind.SQRT)),
        entry("Sin", unary(UnaryKind.SIN)),
        entry("Cos", unary(UnaryKind.COS)),
        entry("Tanh", unary(UnaryKind.TANH)),
        entry("Sigmoid", unary(UnaryKind.LOGISTIC)),
        entry("Erf", unary(UnaryKind.ERF)),
        entry("Floor", unary(UnaryKind.FLOOR)),
        entry("Ceil", unary(UnaryKind.CEIL)),
        entry("Round", unary(UnaryKind.ROUND_EVEN)),
        entry("Not", unary(UnaryKind.NOT)),
        entry("BitwiseNot", unary(UnaryKind.NOT)),
        entry("Reciprocal", wide((g, x) -> g.div(g.fill(x.type(), 1), x))),
        entry("Tan", wide((g, x) -> g.div(g.unary(UnaryKind.SIN, x), g.unary(UnaryKind.COS, x)))),
        entry("Asin", wide((g, x) -> g.binary(BinaryKind.ATAN2, x, cathetus(g, x)))),
        entry("Acos", wide((g, x) -> g.binary(BinaryKind.ATAN2, cathetus(g, x), x))),
        entry("Atan", wide((g, x) -> g.binary(BinaryKind.ATAN2, x, g.fill(x.type(), 1)))),
        entry("Sinh", wide(PointwiseOperators::sinh)),
        entry("Cosh", wide((g, x) -> g.mul(g.add(g.exp(x), g.exp(g.neg(x))), 0.5))),
        entry("Asinh", wide(PointwiseOperators::asinh)),
        entry("Acosh", wide(PointwiseOperators::acosh)),
        entry("Atanh", wide(PointwiseOperators::atanh)),
        entry("IsNaN", Operator.one(n -> n.g.compare(CompareKind.NE, n.x(0), n.x(0)))),
        entry("IsInf", Operator.one(PointwiseOperators::isInf)),
        entry("Add", binary(BinaryKind.ADD)),
        entry("Sub", binary(BinaryKind.SUB)),
        entry("Mul", binary(BinaryKind.MUL)),
        entry("Div", binary(BinaryKind.DIV)),
        entry("Mod", Operator.one(PointwiseOperators::mod)),
        entry("Pow", Operator.one(PointwiseOperators::pow)),
        entry("And", binary(BinaryKind.AND)),
        entry("Or", binary(BinaryKind.OR)),
        entry("Xor", binary(BinaryKind.XOR)),
        entry("BitwiseAnd", binary(BinaryKind.AND)),
        entry("BitwiseOr", binary(BinaryKind.OR)),
        entry("BitwiseXor", binary(BinaryKind.XOR)),
        entry("BitShift", Operator.one(PointwiseOperators::shift)),
        entry("Max", folded(BinaryKind.MAX)),
        entry("Min", folded(BinaryKind.MIN)),
        entry("Sum", folded(BinaryKind.ADD)),
        entry("Mean", Operator.one(n -> n.g.mul(fold(n, BinaryKind.ADD), 1.0 / n.inputs()))),
        entry("Equal", compare(CompareKind.EQ)),
        entry("Less", compare(CompareKind.LT)),
        entry("LessOrEqual", compare(CompareKind.LE)),
        entry("Greater", compare(CompareKind.GT)),
        entry("GreaterOrEqual", compare(CompareKind.GE)),
        entry("Where", Operator.one(n -> n.g.select(n.x(0), n.x(1), n.x(2)))),
        entry("Clip", Operator.one(PointwiseOperators::clip)));
  }

  private static Operator unary(UnaryKind kind) {
    return Operator.one(n -> n.g.unary(kind, n.x(0)));
  }

  private static Operator binary(BinaryKind kind) {
    return Operator.one(n -> n.g.binary(kind, n.x(0), n.x(1)));
  }

  private static Operator compare(CompareKind kind) {
    return Operator.one(n -> n.g.compare(kind, n.x(0), n.x(1)));
  }

  private static Operator folded(BinaryKind kind) {
    return Operator.one(n -> fold(n, kind));
  }

  private static Value fold(OpContext n, BinaryKind kind) {
    return n.xs(0).stream().reduce((a, b) -> n.g.binary(kind, a, b)).orElseThrow();
  }

  /** A function of one operand that is computed in f32 or wider. */
  static Operator wide(BiFunction<GraphBuilder, Value, Value> function) {
    return Operator.one(
        n -> n.g.convert(function.apply(n.g, n.g.widen(n.x(0))), n.x(0).type().dtype()));
  }

  /** √(1 − x²), without the cancellation near 1. */
  private static Value cathetus(GraphBuilder g, Value x) {
    return g.unary(UnaryKind.SQRT, g.mul(g.sub(1, x), g.add(x, 1)));
  }

  /** With e = eˣ − 1: (e + e/(e+1)) / 2, accurate near 0; the plain form where e overflows. */
  private static Value sinh(GraphBuilder g, Value x) {
    var e = g.unary(UnaryKind.EXPM1, x);
    var near = g.mul(g.add(e, g.div(e, g.add(e, 1))), 0.5);
    var far = g.mul(g.sub(g.exp(x), g.exp(g.neg(x))), 0.5);
    return g.select(g.compare(CompareKind.LT, g.unary(UnaryKind.ABS, x), 1.0), near, far);
  }

  /** sign(x) · log1p(|x| + x²/(1 + √(x²+1))), accurate near 0. */
  private static Value asinh(GraphBuilder g, Value x) {
    var square = g.mul(x, x);
    var root = g.unary(UnaryKind.SQRT, g.add(square, 1));
    var inner = g.add(g.unary(UnaryKind.ABS, x), g.div(square, g.add(root, 1)));
    return g.mul(g.unary(UnaryKind.SIGN, x), g.unary(UnaryKind.LOG1P, inner));
  }

  /** log(x + √(x−1)·√(x+1)). */
  private static Value acosh(GraphBuilder g, Value x) {
    var root = g.mul(g.unary(UnaryKind.SQRT, g.add(x, -1)), g.unary(UnaryKind.SQRT, g.add(x, 1)));
    return g.log(g.add(x, root));
  }

  /** (log1p(x) − log1p(−x)) / 2. */
  private static Value atanh(GraphBuilder g, Value x) {
    return g.mul(g.sub(g.unary(UnaryKind.LOG1P, x), g.unary(UnaryKind.LOG1P, g.neg(x))), 0.5);
  }

  private static Value isInf(OpContext n) {
    var x = n.g.widen(n.x(0));
    var none = n.g.fill(x.type().with(DType.BOOL), 0);
    var positive =
        n.flag("detect_positive", true)
            ? n.g.compare(CompareKind.EQ, x, Double.POSITIVE_INFINITY)
            : none;
    var negative =
        n.flag("detect_negative", true)
            ? n.g.compare(CompareKind.EQ, x, Double.NEGATIVE_INFINITY)
            : none;
    return n.g.binary(BinaryKind.OR, positive, negative);
  }

  /** The remainder with the divisor's sign, or with fmod the dividend's. */
  private static Value mod(OpContext n) {
    var g = n.g;
    var b = n.x(1);
    var rest = g.binary(BinaryKind.REM, n.x(0), b);
    if (n.flag("fmod", false) || b.type().dtype().isUnsigned()) return rest;
    var zero = g.zerosLike(rest);
    var nonzero = g.compare(CompareKind.NE, rest, zero);
    var negative = g.compare(CompareKind.LT, rest, zero);
    var divisorNegative = g.compare(CompareKind.LT, b, g.zerosLike(b));
    var differ = g.binary(BinaryKind.XOR, negative, divisorNegative);
    var mod = g.select(g.binary(BinaryKind.AND, nonzero, differ), g.add(rest, b), rest);
    if (!mod.type().dtype().isFloat()) return mod;
    // Of nothing, a zero with the divisor's sign.
    var signed = g.select(divisorNegative, g.fill(b.type(), -0.0), g.zerosLike(b));
    return g.select(nonzero, mod, g.broadcastTo(signed, mod.shape()));
  }

  /** The result has the base's dtype, whatever that of the exponent. */
  private static Value pow(OpContext n) {
    var base = n.x(0);
    var exponent = n.x(1);
    var dtype = base.type().dtype();
    var common = !dtype.isFloat() && exponent.type().dtype().isFloat() ? DType.F64 : dtype;
    var power =
        n.g.binary(BinaryKind.POW, n.g.convert(base, common), n.g.convert(exponent, common));
    return n.g.convert(power, dtype);
  }

  private static Value shift(OpContext n) {
    var g = n.g;
    boolean left = n.required("direction").string().equals("LEFT");
    var x = n.x(0);
    var by = n.x(1);
    var dtype = x.type().dtype();
    var kind =
        left
            ? BinaryKind.SHIFT_LEFT
            : dtype.isUnsigned()
                ? BinaryKind.SHIFT_RIGHT_LOGICAL
                : BinaryKind.SHIFT_RIGHT_ARITHMETIC;
    // Shifts of the width and more are defined here, but not in our graph.
    var inside =
        g.binary(
            BinaryKind.AND,
            g.compare(CompareKind.GE, by, g.zerosLike(by)),
            g.compare(CompareKind.LT, by, dtype.bits()));
    var shifted = g.binary(kind, x, g.select(inside, by, g.zerosLike(by)));
    var empty = g.zerosLike(shifted);
    if (kind == BinaryKind.SHIFT_RIGHT_ARITHMETIC) {
      empty = g.binary(kind, x, g.fill(x.type(), dtype.bits() - 1));
    }
    return g.select(inside, shifted, empty);
  }

  private static Value clip(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    if (n.opset() < 11) {
      double low = n.number("min", -Float.MAX_VALUE);
      double high = n.number("max", Float.MAX_VALUE);
      return g.min(g.max(x, low), high);
    }
    if (n.has(1)) x = g.binary(BinaryKind.MAX, x, n.x(1));
    return n.has(2) ? g.binary(BinaryKind.MIN, x, n.x(2)) : x;
  }
}
