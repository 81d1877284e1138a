package dev.gamelan.onnx.write;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/** Element by element. */
final class PointwiseWriter {
  private PointwiseWriter() {}

  static Name unary(Emitter out, UnaryKind kind, Name x, TensorType type) {
    return switch (kind) {
      case NEG -> neg(out, x);
      case ABS -> plain(out, "Abs", x);
      case SIGN -> plain(out, "Sign", x);
      case EXP -> plain(out, "Exp", x);
      case EXPM1 -> expm1(out, x);
      case LOG -> plain(out, "Log", x);
      case LOG1P -> log1p(out, x);
      case SQRT -> plain(out, "Sqrt", x);
      case RSQRT -> plain(out, "Reciprocal", plain(out, "Sqrt", x));
      case SIN -> plain(out, "Sin", x);
      case COS -> plain(out, "Cos", x);
      case TANH -> plain(out, "Tanh", x);
      case LOGISTIC -> plain(out, "Sigmoid", x);
      case ERF -> plain(out, "Erf", x);
      case FLOOR -> plain(out, "Floor", x);
      case CEIL -> plain(out, "Ceil", x);
      case ROUND_EVEN -> plain(out, "Round", x);
      case NOT -> plain(out, x.dtype().isBool() ? "Not" : "BitwiseNot", x);
      case IS_FINITE -> {
        var infinite = out.node("IsInf", type, List.of(x));
        var nan = out.node("IsNaN", type, List.of(x));
        yield plain(out, "Not", out.binary("Or", infinite, nan, type));
      }
    };
  }

  static Name plain(Emitter out, String operator, Name x) {
    return out.node(operator, x.type(), List.of(x));
  }

  /** Unsigned integers wrap, which Neg does not take. */
  private static Name neg(Emitter out, Name x) {
    if (!x.dtype().isUnsigned()) return plain(out, "Neg", x);
    return out.binary("Sub", out.scalar(x.dtype(), 0), x, x.type());
  }

  /** tanh(x/2) · (eˣ + 1), accurate near 0. */
  private static Name expm1(Emitter out, Name x) {
    var tanh = plain(out, "Tanh", out.mul(x, 0.5));
    return out.binary("Mul", tanh, out.add(plain(out, "Exp", x), 1), x.type());
  }

  /** 2·artanh(x/(2+x)) near 0, where log(1+x) has lost the digits of x. */
  private static Name log1p(Emitter out, Name x) {
    var half = plain(out, "Atanh", out.binary("Div", x, out.add(x, 2), x.type()));
    var near = out.mul(half, 2);
    var far = plain(out, "Log", out.add(x, 1));
    var bool = x.type().with(DType.BOOL);
    var small = out.binary("Less", plain(out, "Abs", x), out.scalar(x.dtype(), 0.5), bool);
    return out.node("Where", x.type(), List.of(small, near, far));
  }

  /** Whether either operand of an op of this kind may be smaller, and is then broadcast. */
  static boolean broadcasts(BinaryKind kind, DType dtype) {
    return switch (kind) {
      case ADD, SUB, MUL, DIV, MAX, MIN -> dtype.isFloat();
      default -> false;
    };
  }

  static Name binary(Emitter out, BinaryKind kind, Name a, Name b, TensorType type) {
    boolean bool = a.dtype().isBool();
    return switch (kind) {
      case ADD -> out.binary("Add", a, b, type);
      case SUB -> out.binary("Sub", a, b, type);
      case MUL -> out.binary("Mul", a, b, type);
      case DIV -> out.binary("Div", a, b, type);
      case REM -> out.node("Mod", type, List.of(a, b), Attribute.of("fmod", true));
      case POW -> pow(out, a, b);
      case MAX -> out.binary("Max", a, b, type);
      case MIN -> out.binary("Min", a, b, type);
      case ATAN2 -> atan2(out, a, b);
      case AND -> out.binary(bool ? "And" : "BitwiseAnd", a, b, type);
      case OR -> out.binary(bool ? "Or" : "BitwiseOr", a, b, type);
      case XOR -> out.binary(bool ? "Xor" : "BitwiseXor", a, b, type);
      case SHIFT_LEFT -> shift(out, "LEFT", a, b);
      case SHIFT_RIGHT_LOGICAL -> shift(out, "RIGHT", a, b);
      case SHIFT_RIGHT_ARITHMETIC -> arithmetic(out, a, b);
    };
  }

  /** Integers to negative powers are 0 but for ±1, which a runtime need not know. */
  private static Name pow(Emitter out, Name a, Name b) {
    var type = a.type();
    if (a.dtype().isFloat()) return out.binary("Pow", a, b, type);
    if (a.dtype().isUnsigned()) {
      // Pow takes signed integers only; their low bits are the same.
      var wide = type.with(DType.I64);
      var power = out.binary("Pow", out.cast(a, DType.I64), out.cast(b, DType.I64), wide);
      return out.cast(power, a.dtype());
    }
    if (a.dtype().bits() < 32) {
      return out.cast(pow(out, out.cast(a, DType.I32), out.cast(b, DType.I32)), a.dtype());
    }
    var zero = out.scalar(a.dtype(), 0L);
    var whole = out.binary("Pow", a, out.node("Max", type, List.of(b, zero)), type);
    var real = type.with(DType.F64);
    var bool = type.with(DType.BOOL);
    // Any base beyond ±1 stands for 0, whose inverse would be infinite.
    var nothing = out.binary("Equal", a, zero, bool);
    var base = out.node("Where", type, List.of(nothing, out.scalar(a.dtype(), 2L), a));
    var inverse = out.binary("Pow", out.cast(base, DType.F64), out.cast(b, DType.F64), real);
    var negative = out.binary("Less", b, zero, bool);
    return out.node("Where", type, List.of(negative, out.cast(inverse, a.dtype()), whole));
  }

  /** Of booleans by logic, since runtimes do not choose between them. */
  static Name select(Emitter out, List<Name> x) {
    var type = x.get(1).type();
    if (!type.dtype().isBool()) return out.node("Where", type, x);
    var otherwise = plain(out, "Not", x.getFirst());
    return out.binary(
        "Or",
        out.binary("And", x.getFirst(), x.get(1), type),
        out.binary("And", otherwise, x.get(2), type),
        type);
  }

  /** The angle of (x, y): artan(y/x), turned where x is negative; ±π/2 where it is 0. */
  private static Name atan2(Emitter out, Name y, Name x) {
    var type = x.type();
    var bool = type.with(DType.BOOL);
    var zero = out.scalar(x.dtype(), 0);
    var angle = plain(out, "Atan", out.binary("Div", y, x, type));
    var down = out.binary("Less", y, zero, bool);
    var up = out.add(angle, Math.PI);
    var turned = out.node("Where", type, List.of(down, out.add(angle, -Math.PI), up));
    var left = out.binary("Less", x, zero, bool);
    var general = out.node("Where", type, List.of(left, turned, angle));
    var upright = out.mul(plain(out, "Sign", y), Math.PI / 2);
    return out.node("Where", type, List.of(out.binary("Equal", x, zero, bool), upright, general));
  }

  /** Only unsigned integers shift. */
  private static Name shift(Emitter out, String direction, Name x, Name by) {
    var unsigned = unsigned(x.dtype());
    var bits = out.cast(x, unsigned);
    var attribute = Attribute.of("direction", direction);
    var shifted =
        out.node("BitShift", bits.type(), List.of(bits, out.cast(by, unsigned)), attribute);
    return out.cast(shifted, x.dtype());
  }

  private static DType unsigned(DType dtype) {
    return switch (dtype.bits()) {
      case 8 -> DType.U8;
      case 16 -> DType.U16;
      case 32 -> DType.U32;
      default -> DType.U64;
    };
  }

  /** Of a negative number, the complement of the complement shifted. */
  private static Name arithmetic(Emitter out, Name x, Name by) {
    var plain = shift(out, "RIGHT", x, by);
    if (x.dtype().isUnsigned()) return plain;
    var complement = plain(out, "BitwiseNot", shift(out, "RIGHT", plain(out, "BitwiseNot", x), by));
    var bool = x.type().with(DType.BOOL);
    var negative = out.binary("Less", x, out.scalar(x.dtype(), 0), bool);
    return out.node("Where", x.type(), List.of(negative, complement, plain));
  }

  static Name compare(Emitter out, CompareKind kind, Name left, Name right) {
    boolean bool = left.dtype().isBool();
    boolean orders = kind != CompareKind.EQ && kind != CompareKind.NE;
    var a = bool && orders ? out.cast(left, DType.I32) : left;
    var b = bool && orders ? out.cast(right, DType.I32) : right;
    var type = left.type().with(DType.BOOL);
    return switch (kind) {
      case EQ -> out.binary("Equal", a, b, type);
      case NE -> plain(out, "Not", out.binary("Equal", a, b, type));
      case LT -> out.binary("Less", a, b, type);
      case LE -> out.binary("LessOrEqual", a, b, type);
      case GT -> out.binary("Greater", a, b, type);
      case GE -> out.binary("GreaterOrEqual", a, b, type);
    };
  }
}
