package dev.gamelan.onednn.kernel;

import static dev.gamelan.onednn.kernel.Opcode.ADD;
import static dev.gamelan.onednn.kernel.Opcode.AND;
import static dev.gamelan.onednn.kernel.Opcode.DIV;
import static dev.gamelan.onednn.kernel.Opcode.FNMA;
import static dev.gamelan.onednn.kernel.Opcode.MUL;
import static dev.gamelan.onednn.kernel.Opcode.NEAREST;
import static dev.gamelan.onednn.kernel.Opcode.ROUND;
import static dev.gamelan.onednn.kernel.Opcode.SUB;
import static dev.gamelan.onednn.kernel.Opcode.XOR;

/**
 * x^y = e^(y·log |x|). The exponent grows to 104, and with it the error of the logarithm, which is
 * therefore a sum of two f32 [1].
 *
 * <p>[1] Muller, Elementary Functions: Algorithms and Implementation, 3rd edition, 2016, chapter 4.
 */
final class VectorPower {
  /** log((1 + s) / (1 − s)) = 2·s + s³·P(s²): of P the highest coefficient first. */
  private static final double[] LOG = {2 / 11.0, 2 / 9.0, 2 / 7.0, 2 / 5.0, 2 / 3.0};

  /** Beyond, e^p is infinity or 0 whatever the low part of p is. */
  private static final double LARGEST_EXPONENT = 200;

  private static final int SIGN = 0x80000000;

  private final KernelBuilder k;
  private final VectorMath math;

  /** A number as the sum of two, of which the second is small. */
  private record Pair(int high, int low) {}

  VectorPower(KernelBuilder builder, VectorMath math) {
    this.k = builder;
    this.math = math;
  }

  /** As C's pow: 1 to anything and anything to 0 is 1, NaN included. */
  int pow(int x, int y) {
    int magnitude = math.abs(x);
    int one = k.constant(1);
    var exponent = times(y, log(magnitude));
    int power = math.exp(exponent.high, exponent.low);
    power = k.select(Predicate.EQUAL, magnitude, one, one, power);
    power = ofNegative(x, y, power);
    power = k.select(Predicate.UNORDERED, x, x, x, power);
    power = k.select(Predicate.EQUAL, x, one, one, power);
    return k.select(Predicate.EQUAL, y, k.constant(0), one, power);
  }

  private Pair log(int x) {
    var split = math.splitNormal(x);
    // s = f / (2 + f), with what the sum and the quotient lose.
    int sum = k.op(ADD, split.f(), k.constant(2));
    int lostOfSum = k.op(SUB, split.f(), k.op(SUB, sum, k.constant(2)));
    int s = k.op(DIV, split.f(), sum);
    int rest = k.op(FNMA, s, lostOfSum, k.op(FNMA, s, sum, split.f()));
    int lostOfQuotient = k.op(DIV, rest, sum);
    int square = k.op(MUL, s, s);
    int tail = k.op(MUL, k.op(MUL, s, square), k.polynomial(square, LOG));
    int low = k.fma(k.constant(2), lostOfQuotient, tail);
    int twice = k.op(ADD, s, s);
    int whole = k.op(MUL, split.e(), k.constant(VectorMath.LN2_HIGH));
    var high = sum(whole, twice);
    int lows = k.op(ADD, high.low, k.fma(split.e(), k.constant(VectorMath.LN2_LOW), low));
    var log = sum(high.high, lows);
    int zero = k.constant(0);
    int infinity = k.constant(Double.POSITIVE_INFINITY);
    int finite = k.select(Predicate.EQUAL, x, infinity, infinity, log.high);
    int minusInfinity = k.constant(Double.NEGATIVE_INFINITY);
    return new Pair(k.select(Predicate.EQUAL, x, zero, minusInfinity, finite), log.low);
  }

  /** Of a and a smaller b, exactly, where a is not 0. */
  private Pair sum(int a, int b) {
    int high = k.op(ADD, a, b);
    return new Pair(high, k.op(SUB, b, k.op(SUB, high, a)));
  }

  private Pair times(int y, Pair x) {
    int high = k.op(MUL, y, x.high);
    int low = k.fma(y, x.low, k.fma(y, x.high, math.neg(high)));
    int largest = k.constant(LARGEST_EXPONENT);
    return new Pair(high, k.select(Predicate.LESS, math.abs(high), largest, low, k.constant(0)));
  }

  /** To an odd integer the sign of the base stays; to no integer only of infinity is there any. */
  private int ofNegative(int x, int y, int power) {
    int half = k.op(MUL, y, k.constant(0.5));
    int odd = k.op(XOR, power, k.op(AND, x, k.bits(SIGN)));
    int rounded = k.add(ROUND, NEAREST, half);
    int signed = k.select(Predicate.EQUAL, rounded, half, power, odd);
    int none = k.select(Predicate.LESS, x, k.constant(0), k.constant(Double.NaN), power);
    int minusInfinity = k.constant(Double.NEGATIVE_INFINITY);
    none = k.select(Predicate.EQUAL, x, minusInfinity, power, none);
    return k.select(Predicate.EQUAL, k.add(ROUND, NEAREST, y), y, signed, none);
  }
}
