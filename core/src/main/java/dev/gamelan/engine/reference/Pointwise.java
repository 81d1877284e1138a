package dev.gamelan.engine.reference;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Unary, binary, compare, select, convert and bitcast. Floats are computed in f64, rounded once.
 */
final class Pointwise {
  private static final double TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

  private Pointwise() {}

  static Array unary(UnaryKind kind, Array x) {
    if (kind == UnaryKind.IS_FINITE) {
      var result = new long[x.size()];
      for (int i = 0; i < result.length; i++) result[i] = Double.isFinite(x.floats()[i]) ? 1 : 0;
      return Array.of(x.type().with(DType.BOOL), result);
    }
    if (x.isFloat()) return mapFloats(x, floatUnary(kind));
    return mapIntegers(x, integerUnary(kind, x.type().dtype()));
  }

  private static DoubleUnaryOperator floatUnary(UnaryKind kind) {
    return switch (kind) {
      case NEG -> v -> -v;
      case ABS -> Math::abs;
      case SIGN -> Math::signum;
      case EXP -> Math::exp;
      case EXPM1 -> Math::expm1;
      case LOG -> Math::log;
      case LOG1P -> Math::log1p;
      case SQRT -> Math::sqrt;
      case RSQRT -> v -> 1 / Math.sqrt(v);
      case SIN -> Math::sin;
      case COS -> Math::cos;
      case TANH -> Math::tanh;
      case LOGISTIC -> v -> 1 / (1 + Math.exp(-v));
      case ERF -> Pointwise::erf;
      case FLOOR -> Math::floor;
      case CEIL -> Math::ceil;
      case ROUND_EVEN -> Math::rint;
      case NOT, IS_FINITE -> throw notForDtype(kind);
    };
  }

  private static LongUnaryOperator integerUnary(UnaryKind kind, DType dtype) {
    return switch (kind) {
      case NEG -> v -> -v;
      case ABS -> dtype.isUnsigned() ? v -> v : Math::abs;
      case SIGN -> dtype.isUnsigned() ? v -> v == 0 ? 0 : 1 : Long::signum;
      case NOT -> dtype.isBool() ? v -> 1 - v : v -> ~v;
      case EXP,
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
          ROUND_EVEN,
          IS_FINITE ->
          throw notForDtype(kind);
    };
  }

  /**
   * erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms all have one sign, so nothing
   * cancels (Abramowitz, Stegun, 7.1.6).
   */
  static double erf(double x) {
    if (Math.abs(x) >= 6) return Math.signum(x);
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
  }

  static Array binary(BinaryKind kind, Array a, Array b) {
    return a.isFloat()
        ? zipFloats(a, b, floatBinary(kind))
        : zipIntegers(a, b, integerBinary(kind, a.type().dtype()));
  }

  static DoubleBinaryOperator floatBinary(BinaryKind kind) {
    return switch (kind) {
      case ADD -> Double::sum;
      case SUB -> (a, b) -> a - b;
      case MUL -> (a, b) -> a * b;
      case DIV -> (a, b) -> a / b;
      case REM -> (a, b) -> a % b;
      case POW -> Pointwise::pow;
      case MAX -> Math::max;
      case MIN -> Math::min;
      case ATAN2 -> Math::atan2;
      case AND, OR, XOR, SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC ->
          throw notForDtype(kind);
    };
  }

  static LongBinaryOperator integerBinary(BinaryKind kind, DType dtype) {
    boolean unsigned = dtype.isUnsigned();
    int bits = dtype.bits();
    return switch (kind) {
      case ADD -> Long::sum;
      case SUB -> (a, b) -> a - b;
      case MUL -> (a, b) -> a * b;
      case DIV -> (a, b) -> b == 0 ? 0 : unsigned ? Long.divideUnsigned(a, b) : a / b;
      case REM -> (a, b) -> b == 0 ? 0 : unsigned ? Long.remainderUnsigned(a, b) : a % b;
      case POW -> (a, b) -> pow(a, b, unsigned);
      case MAX -> (a, b) -> compare(a, b, dtype) >= 0 ? a : b;
      case MIN -> (a, b) -> compare(a, b, dtype) <= 0 ? a : b;
      case AND -> (a, b) -> a & b;
      case OR -> (a, b) -> a | b;
      case XOR -> (a, b) -> a ^ b;
      case SHIFT_LEFT -> (a, b) -> inRange(b, bits) ? a << b : 0;
      case SHIFT_RIGHT_LOGICAL ->
          (a, b) -> inRange(b, bits) ? new Scalar(dtype, a).bits() >>> b : 0;
      case SHIFT_RIGHT_ARITHMETIC ->
          (a, b) -> {
            int unused = 64 - bits;
            return a << unused >> unused >> (inRange(b, bits) ? b : bits - 1);
          };
      case ATAN2 -> throw notForDtype(kind);
    };
  }

  private static boolean inRange(long shift, int bits) {
    return shift >= 0 && shift < bits;
  }

  /** C's pow: 1 to anything is 1, NaN included, and so is −1 to ±∞. */
  private static double pow(double base, double exponent) {
    if (base == 1 || (base == -1 && Double.isInfinite(exponent))) return 1;
    return Math.pow(base, exponent);
  }

  /** Wraps; to a negative power only 1 and −1 have an integer result, others give 0. */
  private static long pow(long base, long exponent, boolean unsigned) {
    if (!unsigned && exponent < 0) {
      if (base == 1) return 1;
      return base == -1 ? 1 - 2 * (exponent & 1) : 0;
    }
    long result = 1;
    for (long power = base; exponent != 0; exponent >>>= 1, power *= power) {
      if ((exponent & 1) != 0) result *= power;
    }
    return result;
  }

  static int compare(long a, long b, DType dtype) {
    return dtype.isUnsigned() ? Long.compareUnsigned(a, b) : Long.compare(a, b);
  }

  static Array compare(CompareKind kind, Array a, Array b) {
    var result = new long[a.size()];
    for (int i = 0; i < result.length; i++) {
      boolean holds;
      if (a.isFloat()) {
        double x = a.floats()[i];
        double y = b.floats()[i];
        holds =
            switch (kind) {
              case EQ -> x == y;
              case NE -> x != y;
              case LT -> x < y;
              case LE -> x <= y;
              case GT -> x > y;
              case GE -> x >= y;
            };
      } else {
        int order = compare(a.integers()[i], b.integers()[i], a.type().dtype());
        holds =
            switch (kind) {
              case EQ -> order == 0;
              case NE -> order != 0;
              case LT -> order < 0;
              case LE -> order <= 0;
              case GT -> order > 0;
              case GE -> order >= 0;
            };
      }
      result[i] = holds ? 1 : 0;
    }
    return Array.of(a.type().with(DType.BOOL), result);
  }

  static Array select(Array predicate, Array onTrue, Array onFalse) {
    var result = Array.zeros(onTrue.type());
    for (int i = 0; i < result.size(); i++) {
      result.set(i, predicate.integers()[i] != 0 ? onTrue : onFalse, i);
    }
    return result;
  }

  static Array convert(Array x, DType to, boolean saturate) {
    var type = x.type().with(to);
    var result = Array.zeros(type);
    for (int i = 0; i < result.size(); i++) {
      if (!to.isFloat()) {
        result.integers()[i] =
            x.isFloat() ? to.fromDouble(x.floats()[i]) : to.wrap(x.integers()[i]);
      } else {
        double value = x.isFloat() ? x.floats()[i] : toDouble(x, i, to);
        result.floats()[i] =
            saturate
                ? to.format().decode(to.format().encodeSaturating(value))
                : to.format().round(value);
      }
    }
    return result;
  }

  /**
   * An integer as a double from which rounding to a narrower float is correct: where 53 bits do not
   * hold it, the last kept bit is set if any dropped one is (round to odd).
   */
  private static double toDouble(Array x, int index, DType to) {
    long value = x.integers()[index];
    boolean negative = value < 0 && !x.type().dtype().isUnsigned();
    long magnitude = negative ? -value : value;
    boolean exact = magnitude >= 0 && magnitude < 1L << 53;
    if (to == DType.F64 || exact) return x.type().dtype().toDouble(value);
    int dropped = 11 - Long.numberOfLeadingZeros(magnitude);
    long kept = magnitude >>> dropped;
    if (kept << dropped != magnitude) kept |= 1;
    double rounded = Math.scalb((double) kept, dropped);
    return negative ? -rounded : rounded;
  }

  static Array bitcast(Array x, TensorType to) {
    var result = Array.zeros(to);
    int fromBits = x.type().dtype().bits();
    int toBits = to.dtype().bits();
    if (fromBits >= toBits) {
      int parts = fromBits / toBits;
      for (int i = 0; i < result.size(); i++) {
        result.setBits(i, x.bits(i / parts) >>> (i % parts * toBits) & low(toBits));
      }
    } else {
      int parts = toBits / fromBits;
      for (int i = 0; i < result.size(); i++) {
        long bits = 0;
        for (int p = 0; p < parts; p++) bits |= x.bits(i * parts + p) << (p * fromBits);
        result.setBits(i, bits);
      }
    }
    return result;
  }

  private static long low(int bits) {
    return bits == 64 ? -1 : ~(-1L << bits);
  }

  private static Array mapFloats(Array x, DoubleUnaryOperator function) {
    var values = x.floats();
    var result = new double[values.length];
    for (int i = 0; i < result.length; i++) result[i] = function.applyAsDouble(values[i]);
    return Array.rounding(x.type(), result);
  }

  private static Array mapIntegers(Array x, LongUnaryOperator function) {
    var values = x.integers();
    var result = new long[values.length];
    for (int i = 0; i < result.length; i++) result[i] = function.applyAsLong(values[i]);
    return Array.wrapping(x.type(), result);
  }

  private static Array zipFloats(Array a, Array b, DoubleBinaryOperator function) {
    var left = a.floats();
    var right = b.floats();
    var result = new double[left.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = function.applyAsDouble(left[i], right[i]);
    }
    return Array.rounding(a.type(), result);
  }

  private static Array zipIntegers(Array a, Array b, LongBinaryOperator function) {
    var left = a.integers();
    var right = b.integers();
    var result = new long[left.length];
    for (int i = 0; i < result.length; i++) result[i] = function.applyAsLong(left[i], right[i]);
    return Array.wrapping(a.type(), result);
  }

  private static IllegalStateException notForDtype(Enum<?> kind) {
    return new IllegalStateException("inference lets no such operand through to " + kind);
  }
}
