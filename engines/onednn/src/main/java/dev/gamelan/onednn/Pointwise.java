package dev.gamelan.onednn;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.onednn.kernel.ElementType;
import dev.gamelan.onednn.kernel.IntegerDivision;
import dev.gamelan.onednn.kernel.KernelBuilder;
import dev.gamelan.onednn.kernel.Opcode;
import dev.gamelan.onednn.kernel.Predicate;
import dev.gamelan.onednn.kernel.VectorMath;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Primitives as instructions of a kernel. Lanes have 32 bits: floats are f32 there, of which f16 is
 * rounded after each op and bf16, whose range is f32's, where it is converted or stored; integers
 * are wrapped to their dtype after each op; bool is 0 or 1.
 */
final class Pointwise {
  private static final Set<DType> DTYPES =
      EnumSet.of(
          DType.F32,
          DType.BF16,
          DType.F16,
          DType.I32,
          DType.U32,
          DType.I16,
          DType.U16,
          DType.I8,
          DType.U8,
          DType.BOOL);

  private record Comparison(Predicate predicate, int a, int b, boolean negated) {}

  private final KernelBuilder k;
  private final VectorMath math;
  private final IntegerDivision division;
  private final Map<Integer, Comparison> comparisons = new HashMap<>();

  Pointwise(KernelBuilder builder) {
    this.k = builder;
    this.math = new VectorMath(builder);
    this.division = new IntegerDivision(builder);
  }

  static boolean supports(DType dtype) {
    return DTYPES.contains(dtype);
  }

  /** Whether the op is pointwise, with instructions for it. */
  static boolean supports(Op op, List<TensorType> inputs, TensorType result) {
    boolean dtypes =
        supports(result.dtype()) && inputs.stream().allMatch(type -> supports(type.dtype()));
    if (!dtypes) return false;
    boolean isFloat = !inputs.isEmpty() && inputs.getFirst().dtype().isFloat();
    return switch (op) {
      case Primitive.Unary unary -> true;
      case Primitive.Compare compare -> true;
      case Primitive.Select select -> true;
      case Primitive.Convert convert -> true;
      case Primitive.Bitcast bitcast ->
          inputs.getFirst().dtype().bits() == 32 && result.dtype().bits() == 32;
      case Primitive.Binary binary ->
          switch (binary.kind()) {
            case ADD, SUB, MUL, DIV, MAX, MIN -> true;
            case AND, OR, XOR, SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC -> true;
            case POW -> isFloat;
            case REM -> !isFloat;
            case ATAN2 -> false;
          };
      default -> false;
    };
  }

  /** How a tensor's elements lie in memory. */
  static ElementType elementType(DType dtype) {
    return switch (dtype) {
      case F32 -> ElementType.F32;
      case BF16 -> ElementType.BF16;
      case F16 -> ElementType.F16;
      case I32, U32 -> ElementType.I32;
      case I16 -> ElementType.I16;
      case U16 -> ElementType.U16;
      case I8 -> ElementType.I8;
      case U8, BOOL -> ElementType.U8;
      default -> throw new IllegalArgumentException("no kernel holds " + dtype);
    };
  }

  /** What STORE takes for an element of {@code dtype}. */
  int stored(DType dtype, int x) {
    return dtype == DType.BF16 ? math.toBf16(x) : x;
  }

  int constant(Scalar value) {
    return value.dtype().isFloat() ? k.constant(value.toDouble()) : k.bits((int) value.toLong());
  }

  int apply(Op op, List<DType> dtypes, DType result, List<Integer> in) {
    var dtype = dtypes.getFirst();
    int y =
        switch (op) {
          case Primitive.Unary unary -> unary(unary.kind(), dtype, in.getFirst());
          case Primitive.Binary binary -> binary(binary.kind(), dtype, in.get(0), in.get(1));
          case Primitive.Compare compare -> compare(compare.kind(), dtype, in.get(0), in.get(1));
          case Primitive.Select select -> select(in.get(0), in.get(1), in.get(2));
          case Primitive.Convert convert ->
              convert(dtype, result, convert.saturate(), in.getFirst());
          case Primitive.Bitcast bitcast -> in.getFirst();
          default -> throw new IllegalArgumentException(op.name() + " is not pointwise");
        };
    boolean computes = op instanceof Primitive.Unary || op instanceof Primitive.Binary;
    return computes && result == DType.F16 ? k.op(Opcode.ROUND_F16, y) : y;
  }

  private int unary(UnaryKind kind, DType dtype, int x) {
    boolean isFloat = dtype.isFloat();
    int zero = k.bits(0);
    return switch (kind) {
      case NEG -> isFloat ? math.neg(x) : wrap(dtype, k.op(Opcode.INT_SUB, zero, x));
      case ABS -> {
        if (isFloat) yield math.abs(x);
        if (dtype.isUnsigned()) yield x;
        yield wrap(dtype, k.op(Opcode.INT_MAX, x, k.op(Opcode.INT_SUB, zero, x)));
      }
      case SIGN -> sign(dtype, x);
      case EXP -> math.exp(x);
      case EXPM1 -> math.expm1(x);
      case LOG -> math.log(x);
      case LOG1P -> math.log1p(x);
      case SQRT -> k.op(Opcode.SQRT, x);
      case RSQRT -> k.op(Opcode.DIV, k.constant(1), k.op(Opcode.SQRT, x));
      case SIN -> math.sin(x);
      case COS -> math.cos(x);
      case TANH -> math.tanh(x);
      case LOGISTIC -> math.logistic(x);
      case ERF -> math.erf(x);
      case FLOOR -> k.add(Opcode.ROUND, Opcode.DOWN, x);
      case CEIL -> k.add(Opcode.ROUND, Opcode.UP, x);
      case ROUND_EVEN -> k.add(Opcode.ROUND, Opcode.NEAREST, x);
      case NOT -> wrap(dtype, k.op(Opcode.XOR, x, k.bits(dtype.isBool() ? 1 : -1)));
      case IS_FINITE ->
          comparison(Predicate.LESS, math.abs(x), k.constant(Double.POSITIVE_INFINITY), false);
    };
  }

  private int sign(DType dtype, int x) {
    int zero = k.bits(0);
    if (dtype.isFloat()) {
      int negative = k.select(Predicate.LESS, x, zero, k.constant(-1), x);
      return k.select(Predicate.LESS, zero, x, k.constant(1), negative);
    }
    if (dtype.isUnsigned()) return k.select(Predicate.INT_EQUAL, x, zero, zero, k.bits(1));
    int negative = k.select(Predicate.INT_LESS, x, zero, k.bits(-1), zero);
    return k.select(Predicate.INT_LESS, zero, x, k.bits(1), negative);
  }

  private int binary(BinaryKind kind, DType dtype, int a, int b) {
    boolean isFloat = dtype.isFloat();
    return switch (kind) {
      case ADD -> isFloat ? k.op(Opcode.ADD, a, b) : wrap(dtype, k.op(Opcode.INT_ADD, a, b));
      case SUB -> isFloat ? k.op(Opcode.SUB, a, b) : wrap(dtype, k.op(Opcode.INT_SUB, a, b));
      case MUL -> isFloat ? k.op(Opcode.MUL, a, b) : wrap(dtype, k.op(Opcode.INT_MUL, a, b));
      case DIV -> {
        if (isFloat) yield k.op(Opcode.DIV, a, b);
        yield wrap(dtype, division.quotient(a, b, !dtype.isUnsigned()));
      }
      case REM -> wrap(dtype, division.remainder(a, b, !dtype.isUnsigned()));
      case MAX -> {
        if (isFloat) yield math.max(a, b);
        yield k.op(dtype == DType.U32 ? Opcode.UNSIGNED_MAX : Opcode.INT_MAX, a, b);
      }
      case MIN -> {
        if (isFloat) yield math.min(a, b);
        yield k.op(dtype == DType.U32 ? Opcode.UNSIGNED_MIN : Opcode.INT_MIN, a, b);
      }
      case AND -> k.op(Opcode.AND, a, b);
      case OR -> k.op(Opcode.OR, a, b);
      case XOR -> k.op(Opcode.XOR, a, b);
      case SHIFT_LEFT -> wrap(dtype, k.op(Opcode.SHIFT_LEFT_BY, a, b));
      case SHIFT_RIGHT_LOGICAL ->
          wrap(dtype, k.op(Opcode.SHIFT_RIGHT_BY, extend(dtype.bits(), false, a), b));
      case SHIFT_RIGHT_ARITHMETIC ->
          wrap(dtype, k.op(Opcode.SHIFT_RIGHT_SIGNED_BY, extend(dtype.bits(), true, a), b));
      case POW -> math.pow(a, b);
      case ATAN2 -> throw new IllegalArgumentException(kind + " has no instructions");
    };
  }

  /** The low bits, with their sign or zeros above. */
  private int extend(int bits, boolean signed, int x) {
    if (bits == 32) return x;
    if (!signed) return k.op(Opcode.AND, x, k.bits((1 << bits) - 1));
    int up = k.add(Opcode.SHIFT_LEFT, 32 - bits, x);
    return k.add(Opcode.SHIFT_RIGHT_SIGNED, 32 - bits, up);
  }

  private int wrap(DType dtype, int x) {
    if (dtype.isBool()) return x;
    return extend(dtype.bits(), !dtype.isUnsigned(), x);
  }

  private int compare(CompareKind kind, DType dtype, int a, int b) {
    if (dtype.isFloat()) {
      return switch (kind) {
        case EQ -> comparison(Predicate.EQUAL, a, b, false);
        case NE -> comparison(Predicate.NOT_EQUAL, a, b, false);
        case LT -> comparison(Predicate.LESS, a, b, false);
        case LE -> comparison(Predicate.LESS_OR_EQUAL, a, b, false);
        case GT -> comparison(Predicate.LESS, b, a, false);
        case GE -> comparison(Predicate.LESS_OR_EQUAL, b, a, false);
      };
    }
    boolean unsigned = dtype == DType.U32;
    int least = k.bits(Integer.MIN_VALUE);
    int x = unsigned ? k.op(Opcode.XOR, a, least) : a;
    int y = unsigned ? k.op(Opcode.XOR, b, least) : b;
    return switch (kind) {
      case EQ -> comparison(Predicate.INT_EQUAL, x, y, false);
      case NE -> comparison(Predicate.INT_EQUAL, x, y, true);
      case LT -> comparison(Predicate.INT_LESS, x, y, false);
      case GE -> comparison(Predicate.INT_LESS, x, y, true);
      case GT -> comparison(Predicate.INT_LESS, y, x, false);
      case LE -> comparison(Predicate.INT_LESS, y, x, true);
    };
  }

  private int comparison(Predicate predicate, int a, int b, boolean negated) {
    int one = k.bits(1);
    int zero = k.bits(0);
    int result = k.select(predicate, a, b, negated ? zero : one, negated ? one : zero);
    comparisons.put(result, new Comparison(predicate, a, b, negated));
    return result;
  }

  /** On a comparison of this kernel directly, without the bool in between. */
  private int select(int predicate, int then, int otherwise) {
    var comparison = comparisons.get(predicate);
    if (comparison == null) {
      return k.select(
          Predicate.INT_EQUAL, predicate, k.bits(0), /* then= */ otherwise, /* otherwise= */ then);
    }
    int holds = comparison.negated ? otherwise : then;
    int fails = comparison.negated ? then : otherwise;
    return k.select(comparison.predicate, comparison.a, comparison.b, holds, fails);
  }

  private int convert(DType from, DType to, boolean saturate, int x) {
    if (to.isBool()) {
      return from.isFloat()
          ? comparison(Predicate.NOT_EQUAL, x, k.bits(0), false)
          : comparison(Predicate.INT_EQUAL, x, k.bits(0), true);
    }
    if (!to.isFloat()) return from.isFloat() ? toInteger(to, x) : wrap(to, x);
    int y = from.isFloat() ? x : toFloat(from, x);
    if (saturate) {
      double most = to.format().max();
      y = k.op(Opcode.MIN, k.constant(most), k.op(Opcode.MAX, k.constant(-most), y));
    }
    if (to == from) return y;
    return switch (to) {
      case F16 -> k.op(Opcode.ROUND_F16, y);
      case BF16 -> math.roundBf16(y);
      default -> y;
    };
  }

  /** Halves of 16 bits, so that an unsigned number is exact until the one rounding. */
  private int toFloat(DType from, int x) {
    if (from != DType.U32) return k.op(Opcode.TO_FLOAT, x);
    int high = k.op(Opcode.TO_FLOAT, k.add(Opcode.SHIFT_RIGHT, 16, x));
    int low = k.op(Opcode.TO_FLOAT, k.op(Opcode.AND, x, k.bits(0xFFFF)));
    return k.fma(high, k.constant(65536), low);
  }

  private int toInteger(DType to, int x) {
    int number = k.select(Predicate.UNORDERED, x, x, k.bits(0), x);
    if (to == DType.U32) {
      int positive = k.op(Opcode.MAX, number, k.bits(0));
      int half = k.constant(0x1p31);
      int large =
          k.op(
              Opcode.XOR,
              k.op(Opcode.TO_INT, k.op(Opcode.SUB, positive, half)),
              k.bits(Integer.MIN_VALUE));
      int y = k.select(Predicate.LESS, positive, half, k.op(Opcode.TO_INT, positive), large);
      return k.select(Predicate.LESS, positive, k.constant(0x1p32), y, k.bits(-1));
    }
    if (to == DType.I32) {
      int y = k.op(Opcode.TO_INT, number);
      return k.select(Predicate.LESS, number, k.constant(0x1p31), y, k.bits(Integer.MAX_VALUE));
    }
    double low = to.isUnsigned() ? 0 : -Math.scalb(1.0, to.bits() - 1);
    double high = Math.scalb(1.0, to.isUnsigned() ? to.bits() : to.bits() - 1) - 1;
    int clamped = k.op(Opcode.MIN, k.constant(high), k.op(Opcode.MAX, k.constant(low), number));
    return k.op(Opcode.TO_INT, clamped);
  }

  /** The reduction, wrapped to the dtype; of nothing, the dtype's identity. */
  int reduce(ReduceKind kind, DType dtype, int x) {
    int y = k.op(reduction(kind, dtype), x);
    if (dtype == DType.F16) return k.op(Opcode.ROUND_F16, y);
    if (dtype.isFloat() || dtype.bits() == 32) return y;
    if (kind == ReduceKind.MAX || kind == ReduceKind.MIN) {
      int identity = k.bits((int) kind.identity(dtype).toLong());
      return k.op(kind == ReduceKind.MAX ? Opcode.INT_MAX : Opcode.INT_MIN, y, identity);
    }
    return dtype.isBool() ? k.op(Opcode.AND, y, k.bits(1)) : wrap(dtype, y);
  }

  private static Opcode reduction(ReduceKind kind, DType dtype) {
    boolean isFloat = dtype.isFloat();
    boolean unsigned = dtype == DType.U32;
    return switch (kind) {
      case SUM -> isFloat ? Opcode.REDUCE_SUM : Opcode.REDUCE_INT_SUM;
      case PROD -> isFloat ? Opcode.REDUCE_PRODUCT : Opcode.REDUCE_INT_PRODUCT;
      case MAX -> {
        if (isFloat) yield Opcode.REDUCE_MAX;
        yield unsigned ? Opcode.REDUCE_UNSIGNED_MAX : Opcode.REDUCE_INT_MAX;
      }
      case MIN -> {
        if (isFloat) yield Opcode.REDUCE_MIN;
        yield unsigned ? Opcode.REDUCE_UNSIGNED_MIN : Opcode.REDUCE_INT_MIN;
      }
      case AND -> Opcode.REDUCE_AND;
      case OR -> Opcode.REDUCE_OR;
    };
  }
}
