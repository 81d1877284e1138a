package dev.gamelan.tensorflow;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.type.Broadcasting;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.util.stream.Stream;

/**
 * Pointwise ops. Operands that are narrow stay so until an op meets them with a wider one; channels
 * that lie last stay there.
 */
final class Pointwise {
  private final Writer w;

  Pointwise(Writer writer) {
    this.w = writer;
  }

  Term unary(UnaryKind kind, Term x, TensorType type) {
    if (kind == UnaryKind.TANH && x.dtype() == DType.F32) return tanh(x);
    if (kind == UnaryKind.NOT && x.dtype().isBool()) return logical("LogicalNot", x);
    var op =
        switch (kind) {
          case NEG -> "Neg";
          case ABS -> "Abs";
          case SIGN -> "Sign";
          case EXP -> "Exp";
          case EXPM1 -> "Expm1";
          case LOG -> "Log";
          case LOG1P -> "Log1p";
          case SQRT -> "Sqrt";
          case RSQRT -> "Rsqrt";
          case SIN -> "Sin";
          case COS -> "Cos";
          case TANH -> "Tanh";
          case LOGISTIC -> "Sigmoid";
          case ERF -> "Erf";
          case FLOOR -> "Floor";
          case CEIL -> "Ceil";
          case ROUND_EVEN -> "Rint";
          case NOT -> "Invert";
          case IS_FINITE -> "IsFinite";
        };
    return combined(op, typed(x.dtype()), type, x);
  }

  /**
   * TensorFlow's is off by up to 4e-7 where it should be 1, of which a gradient, 1 − tanh², sees
   * much: from 1 on it is 1 − 2 / (exp(2x) + 1).
   */
  private Term tanh(Term x) {
    var one = Term.number(Scalar.of(x.dtype(), 1.0), x.type());
    var two = Term.number(Scalar.of(x.dtype(), 2.0), x.type());
    var small = combined("Tanh", typed(x.dtype()), x.type(), x);
    var exp = combined("Exp", typed(x.dtype()), x.type(), combined("AddV2", x, x));
    var large = combined("Sub", one, combined("RealDiv", two, combined("AddV2", exp, one)));
    var abs = combined("Abs", typed(x.dtype()), x.type(), x);
    return select(compare(CompareKind.LT, abs, one), small, large);
  }

  Term binary(BinaryKind kind, Term a, Term b) {
    boolean bool = a.dtype().isBool();
    return switch (kind) {
      case ADD -> combined("AddV2", a, b);
      case SUB -> combined("Sub", a, b);
      case MUL -> combined("Mul", a, b);
      case DIV -> combined("RealDiv", a, b);
      case REM -> combined("TruncateMod", a, b);
      case POW -> combined("Pow", a, b);
      case MAX -> combined("Maximum", a, b);
      case MIN -> combined("Minimum", a, b);
      case ATAN2 -> combined("Atan2", a, b);
      case AND -> bool ? logical("LogicalAnd", a, b) : combined("BitwiseAnd", a, b);
      case OR -> bool ? logical("LogicalOr", a, b) : combined("BitwiseOr", a, b);
      case XOR -> combined(bool ? "NotEqual" : "BitwiseXor", a, b);
      case SHIFT_LEFT -> combined("LeftShift", a, b);
      case SHIFT_RIGHT_ARITHMETIC, SHIFT_RIGHT_LOGICAL -> {
        // TensorFlow's shifts by the sign of the dtype.
        var dtype = shifted(a.dtype(), kind == BinaryKind.SHIFT_RIGHT_ARITHMETIC);
        yield bitcast(combined("RightShift", bitcast(a, dtype), bitcast(b, dtype)), a.dtype());
      }
    };
  }

  private static DType shifted(DType dtype, boolean signed) {
    return switch (dtype) {
      case I8, U8 -> signed ? DType.I8 : DType.U8;
      case I16, U16 -> signed ? DType.I16 : DType.U16;
      case I32, U32 -> signed ? DType.I32 : DType.U32;
      default -> signed ? DType.I64 : DType.U64;
    };
  }

  Term compare(CompareKind kind, Term a, Term b) {
    if (a.dtype().isBool() && kind != CompareKind.EQ && kind != CompareKind.NE) {
      return compare(kind, convert(a, DType.U8), convert(b, DType.U8));
    }
    var op =
        switch (kind) {
          case EQ -> "Equal";
          case NE -> "NotEqual";
          case LT -> "Less";
          case LE -> "LessEqual";
          case GT -> "Greater";
          case GE -> "GreaterEqual";
        };
    return combined(op, typed(a.dtype()), a.type().with(DType.BOOL), a, b);
  }

  Term select(Term predicate, Term a, Term b) {
    return combined("SelectV2", typed(a.dtype()), a.type(), predicate, a, b);
  }

  Term convert(Term x, DType to) {
    if (x.dtype() == to) return x;
    var attributes = Attributes.none().type("SrcT", x.dtype()).type("DstT", to);
    return combined("Cast", attributes, x.type().with(to), x);
  }

  /** To a dtype as wide. */
  Term bitcast(Term x, DType to) {
    if (x.dtype() == to) return x;
    var attributes = Attributes.of(x.dtype()).type("type", to);
    return combined("Bitcast", attributes, x.type().with(to), x);
  }

  /** These are of bools alone and have no attribute that says so. */
  private Term logical(String op, Term... operands) {
    return combined(op, Attributes.none(), operands[0].type(), operands);
  }

  private Term combined(String op, Term a, Term b) {
    return combined(op, typed(a.dtype()), a.type(), a, b);
  }

  /** As wide as the widest operand is. */
  private Term combined(String op, Attributes attributes, TensorType type, Term... operands) {
    boolean channelsLast = Stream.of(operands).anyMatch(Term::channelsLast);
    var nodes =
        Stream.of(operands)
            .map(x -> channelsLast ? w.channelsLast(x) : w.narrow(x))
            .toArray(String[]::new);
    var stored =
        Stream.of(operands)
            .map(Term::stored)
            .reduce((a, b) -> Broadcasting.common(op, a, b))
            .orElseThrow();
    boolean numbers = Stream.of(operands).allMatch(x -> x.number() != null);
    var node = w.op(op, attributes, nodes);
    if (numbers) node = w.reshape(node, type.dtype(), stored); // Those are scalars.
    return new Term(node, type, stored, channelsLast, null);
  }

  private static Attributes typed(DType dtype) {
    return Attributes.of(dtype);
  }
}
