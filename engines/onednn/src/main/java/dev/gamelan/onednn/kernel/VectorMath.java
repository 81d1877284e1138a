package dev.gamelan.onednn.kernel;

import static dev.gamelan.onednn.kernel.Opcode.ADD;
import static dev.gamelan.onednn.kernel.Opcode.AND;
import static dev.gamelan.onednn.kernel.Opcode.DIV;
import static dev.gamelan.onednn.kernel.Opcode.FNMA;
import static dev.gamelan.onednn.kernel.Opcode.INT_ADD;
import static dev.gamelan.onednn.kernel.Opcode.INT_MAX;
import static dev.gamelan.onednn.kernel.Opcode.INT_SUB;
import static dev.gamelan.onednn.kernel.Opcode.MAX;
import static dev.gamelan.onednn.kernel.Opcode.MIN;
import static dev.gamelan.onednn.kernel.Opcode.MUL;
import static dev.gamelan.onednn.kernel.Opcode.NEAREST;
import static dev.gamelan.onednn.kernel.Opcode.OR;
import static dev.gamelan.onednn.kernel.Opcode.ROUND;
import static dev.gamelan.onednn.kernel.Opcode.SCALE;
import static dev.gamelan.onednn.kernel.Opcode.SHIFT_LEFT;
import static dev.gamelan.onednn.kernel.Opcode.SHIFT_RIGHT_SIGNED;
import static dev.gamelan.onednn.kernel.Opcode.SUB;
import static dev.gamelan.onednn.kernel.Opcode.TO_FLOAT;
import static dev.gamelan.onednn.kernel.Opcode.TO_INT;
import static dev.gamelan.onednn.kernel.Opcode.TO_NEAREST_INT;
import static dev.gamelan.onednn.kernel.Opcode.XOR;

import dev.gamelan.onednn.code.Isa;

/**
 * Elementary functions of f32 as instructions: argument reduction and a polynomial [1], over the
 * whole range, with infinities, NaN and denormals. The coefficients are fitted by {@code
 * tools/fit_polynomials.py}.
 *
 * <p>[1] Muller, Elementary Functions: Algorithms and Implementation, 3rd edition, 2016.
 */
public final class VectorMath {
  private static final int SIGN = 0x80000000;
  private static final int MAGNITUDE = 0x7FFFFFFF;
  private static final double LOG2_E = 1.4426950408889634;

  /** ln 2 in two parts: the first has few enough bits that its multiples are exact. */
  static final double LN2_HIGH = 0.693145751953125;

  static final double LN2_LOW = 1.428606765330187e-6;
  private static final double[] EXP = {
    0.00139465817, 0.00836669992, 0.0416662858, 0.166665438, 0.500000006
  };
  private static final double[] LOG = {
    -0.0791011176,
    0.128590002,
    -0.130988249,
    0.141836425,
    -0.166281492,
    0.200022094,
    -0.250006914,
    0.333333184
  };
  private static final double[] ERF_NEAR_ZERO = {
    -0.000598813175, 0.00499315488, -0.0267670206, 0.112818418, -0.376124979, 0.128379151
  };
  private static final double[] ERFC_LOGARITHM = {
    1.15224683e-05,
    -0.000325654414,
    0.00365377073,
    -0.0237853605,
    0.106263161,
    0.635135904,
    0.12865216
  };
  private static final double[] SIN = {
    2.72468949e-06, -0.000198400632, 0.00833333183, -0.166666667
  };
  private static final double[] COS = {
    -2.7298047e-07, 2.48005766e-05, -0.00138888876, 0.0416666667
  };

  /**
   * π/2 in three parts. Taking away n times the first leaves no rounding error: the result is a
   * multiple of that part's last bit, and small.
   */
  private static final double[] PI_HALF = {
    1.5707963705062866, -4.371139000186243e-8, -1.71512451e-15
  };

  /** From here on erf is computed through its complement. */
  private static final double ERF_SPLIT = 0.9275;

  private final KernelBuilder k;

  public VectorMath(KernelBuilder builder) {
    this.k = builder;
  }

  public int abs(int x) {
    return k.op(AND, x, k.bits(MAGNITUDE));
  }

  public int neg(int x) {
    return k.op(XOR, x, k.bits(SIGN));
  }

  private int copySign(int magnitude, int sign) {
    return k.op(OR, magnitude, k.op(AND, sign, k.bits(SIGN)));
  }

  /** The larger; NaN where either is. */
  public int max(int a, int b) {
    return k.select(Predicate.UNORDERED, a, a, a, k.op(MAX, a, b));
  }

  public int min(int a, int b) {
    return k.select(Predicate.UNORDERED, a, a, a, k.op(MIN, a, b));
  }

  /** x = n·ln 2 + r with an integral n; r is small. */
  private record Reduced(int n, int r) {}

  private Reduced reduce(int x) {
    int n = k.add(ROUND, NEAREST, k.op(MUL, x, k.constant(LOG2_E)));
    int r = k.op(FNMA, n, k.constant(LN2_HIGH), x);
    return new Reduced(n, k.op(FNMA, n, k.constant(LN2_LOW), r));
  }

  /** e^r − 1 for the r of {@link #reduce}. */
  private int expm1OfReduced(int r) {
    return k.fma(k.op(MUL, r, r), k.polynomial(r, EXP), r);
  }

  /** The second operand of min and max wins over NaN, so that NaN stays. */
  private int clamp(int x, double low, double high) {
    return k.op(MIN, k.constant(high), k.op(MAX, k.constant(low), x));
  }

  public int exp(int x) {
    // Without a limit above where there is one, as in a softmax.
    var reduced = reduce(k.isAtMostZero(x) ? k.op(MAX, k.constant(-104), x) : clamp(x, -104, 89));
    return scale(k.op(ADD, expm1OfReduced(reduced.r), k.constant(1)), reduced.n);
  }

  /** e^(x + low) for a low that is small. */
  int exp(int x, int low) {
    var reduced = reduce(clamp(x, -104, 89));
    int r = k.op(ADD, reduced.r, low);
    return scale(k.op(ADD, expm1OfReduced(r), k.constant(1)), reduced.n);
  }

  /** y × 2^n for −150 ≤ n ≤ 129. */
  private int scale(int y, int n) {
    if (k.isa() == Isa.AVX512) return k.op(SCALE, y, n);
    // In two steps, since 2^n alone may be too large or too small.
    int whole = k.op(TO_INT, n);
    int half = k.add(SHIFT_RIGHT_SIGNED, 1, whole);
    return k.op(MUL, k.op(MUL, y, power(half)), power(k.op(INT_SUB, whole, half)));
  }

  /** 2^n for an i32 n of a normal number. */
  private int power(int n) {
    return k.add(SHIFT_LEFT, 23, k.op(INT_ADD, n, k.bits(127)));
  }

  /** 2·(2ⁿ⁻¹·(e^r − 1) + (2ⁿ⁻¹ − ½)): nothing cancels where n is 0. */
  public int expm1(int x) {
    var reduced = reduce(clamp(x, -18, 89));
    int half = power(k.op(INT_SUB, k.op(TO_INT, reduced.n), k.bits(1)));
    int sum = k.fma(half, expm1OfReduced(reduced.r), k.op(SUB, half, k.constant(0.5)));
    int result = k.op(ADD, sum, sum);
    // What is tiny is its own result; the sum above would lose its sign and its last bits.
    return k.select(Predicate.LESS, abs(x), k.constant(1e-7), x, result);
  }

  /** x = 2^e·(1 + f) with 1 + f between √½ and √2. */
  record Split(int e, int f) {}

  private Split split(int x) {
    int e = k.add(SHIFT_RIGHT_SIGNED, 23, k.op(INT_SUB, x, k.bits(0x3F3504F3)));
    int mantissa = k.op(INT_SUB, x, k.add(SHIFT_LEFT, 23, e));
    return new Split(k.op(TO_FLOAT, e), k.op(SUB, mantissa, k.constant(1)));
  }

  /** e·ln 2 + log(1 + f). */
  private int logOf(int e, int f) {
    int square = k.op(MUL, f, f);
    int cubic = k.op(MUL, k.op(MUL, square, f), k.polynomial(f, LOG));
    int low = k.fma(e, k.constant(LN2_LOW), k.fma(square, k.constant(-0.5), cubic));
    return k.fma(e, k.constant(LN2_HIGH), k.op(ADD, f, low));
  }

  /** Of any positive number, denormals included. */
  Split splitNormal(int x) {
    int tiny = k.op(MUL, x, k.constant(0x1p23));
    int isTiny = k.constant(0x1p-126);
    var split = split(k.select(Predicate.LESS, x, isTiny, tiny, x));
    int shift = k.select(Predicate.LESS, x, isTiny, k.constant(-23), k.constant(0));
    return new Split(k.op(ADD, split.e, shift), split.f);
  }

  public int log(int x) {
    var split = splitNormal(x);
    return logSpecials(x, logOf(split.e, split.f));
  }

  public int pow(int x, int y) {
    return new VectorPower(k, this).pow(x, y);
  }

  /** What the logarithm of zero, negative numbers, infinity and NaN is. */
  private int logSpecials(int x, int result) {
    int zero = k.constant(0);
    int infinity = k.constant(Double.POSITIVE_INFINITY);
    int y = k.select(Predicate.LESS, x, infinity, result, k.op(ADD, x, infinity));
    y = k.select(Predicate.EQUAL, x, zero, k.constant(Double.NEGATIVE_INFINITY), y);
    return k.select(Predicate.LESS, x, zero, k.constant(Double.NaN), y);
  }

  /** What 1 + x loses to rounding is added to the reduced argument. */
  public int log1p(int x) {
    int one = k.constant(1);
    int u = k.op(ADD, one, x);
    int lostOfSmall = k.op(SUB, x, k.op(SUB, u, one));
    int lostOfLarge = k.op(SUB, one, k.op(SUB, u, x));
    int lost = k.select(Predicate.LESS, x, one, lostOfSmall, lostOfLarge);
    var split = split(u);
    // Of what is large nothing that counts was lost.
    int down = k.op(INT_MAX, k.op(INT_SUB, k.bits(0), k.op(TO_INT, split.e)), k.bits(-126));
    int unscaled = power(down);
    int f = k.fma(lost, unscaled, split.f);
    return logSpecials2(x, u, logOf(split.e, f));
  }

  private int logSpecials2(int x, int u, int result) {
    int y = logSpecials(u, result);
    // Of what is tiny the sign stays.
    return k.select(Predicate.LESS, abs(x), k.constant(1e-8), x, y);
  }

  /** E / (E + 2) with E = e^2|x| − 1. */
  public int tanh(int x) {
    int magnitude = k.op(MIN, k.constant(20), abs(x));
    int e = expm1(k.op(ADD, magnitude, magnitude));
    return copySign(k.op(DIV, e, k.op(ADD, e, k.constant(2))), x);
  }

  /** From e^−|x|, which never overflows. */
  public int logistic(int x) {
    int e = exp(neg(abs(x)));
    int one = k.constant(1);
    int numerator = k.select(Predicate.LESS, x, k.constant(0), e, one);
    return k.op(DIV, numerator, k.op(ADD, one, e));
  }

  public int erf(int x) {
    int t = abs(x);
    int near = k.fma(x, k.polynomial(k.op(MUL, x, x), ERF_NEAR_ZERO), x);
    int far = k.op(MIN, k.constant(4), t);
    // The exponent is t·(1 + polynomial).
    int exponent = k.fma(far, k.polynomial(far, ERFC_LOGARITHM), far);
    int complement = exp(neg(exponent));
    int away = copySign(k.op(SUB, k.constant(1), complement), x);
    return k.select(Predicate.LESS, t, k.constant(ERF_SPLIT), near, away);
  }

  public int sin(int x) {
    return periodic(x, 0);
  }

  public int cos(int x) {
    return periodic(x, 1);
  }

  /**
   * sin(x + quarter·π/2). Accurate up to |x| = 2¹⁷; beyond, the reduction leaves fewer and fewer
   * bits.
   */
  private int periodic(int x, int quarter) {
    int n = k.add(ROUND, NEAREST, k.op(MUL, x, k.constant(2 / Math.PI)));
    int r = x;
    for (double part : PI_HALF) r = k.op(FNMA, n, k.constant(part), r);
    int square = k.op(MUL, r, r);
    int sin = k.fma(k.op(MUL, square, r), k.polynomial(square, SIN), r);
    int low = k.fma(k.op(MUL, square, square), k.polynomial(square, COS), k.constant(0));
    int cos = k.op(ADD, k.fma(square, k.constant(-0.5), k.constant(1)), low);
    int whole = k.op(INT_ADD, k.op(TO_NEAREST_INT, n), k.bits(quarter));
    int odd = k.op(AND, whole, k.bits(1));
    int y = k.select(Predicate.INT_EQUAL, odd, k.bits(0), sin, cos);
    int sign = k.add(SHIFT_LEFT, 30, k.op(AND, whole, k.bits(2)));
    int signed = k.op(XOR, y, sign);
    // Of infinity there is none.
    return k.select(
        Predicate.LESS,
        abs(x),
        k.constant(Double.POSITIVE_INFINITY),
        signed,
        k.constant(Double.NaN));
  }

  /** The bits of the nearest bf16, in the low half; NaN stays one. */
  public int toBf16(int x) {
    int odd = k.op(AND, k.add(Opcode.SHIFT_RIGHT, 16, x), k.bits(1));
    int rounded = k.op(INT_ADD, k.op(INT_ADD, x, k.bits(0x7FFF)), odd);
    int bits = k.select(Predicate.UNORDERED, x, x, k.bits(0x7FC00000), rounded);
    return k.add(Opcode.SHIFT_RIGHT, 16, bits);
  }

  /** To the precision of bf16. */
  public int roundBf16(int x) {
    return k.add(SHIFT_LEFT, 16, toBf16(x));
  }
}
