package dev.gamelan.onednn.kernel;

import static dev.gamelan.onednn.kernel.Opcode.ADD;
import static dev.gamelan.onednn.kernel.Opcode.AND;
import static dev.gamelan.onednn.kernel.Opcode.DIV;
import static dev.gamelan.onednn.kernel.Opcode.INT_ADD;
import static dev.gamelan.onednn.kernel.Opcode.INT_MAX;
import static dev.gamelan.onednn.kernel.Opcode.INT_MUL;
import static dev.gamelan.onednn.kernel.Opcode.INT_SUB;
import static dev.gamelan.onednn.kernel.Opcode.MUL;
import static dev.gamelan.onednn.kernel.Opcode.SHIFT_RIGHT;
import static dev.gamelan.onednn.kernel.Opcode.SHIFT_RIGHT_SIGNED;
import static dev.gamelan.onednn.kernel.Opcode.TO_FLOAT;
import static dev.gamelan.onednn.kernel.Opcode.TO_INT;
import static dev.gamelan.onednn.kernel.Opcode.XOR;

/**
 * Quotients and remainders of integers, for which no vector instruction is there: estimates in f32
 * that are never too large, each of what the ones before left over.
 *
 * <p>The reciprocal is too small by 2^-21 to 2^-19. A first estimate is capped at 2^31, a second
 * leaves at most 2^12 + 1 divisors, a third less than 2.
 */
public final class IntegerDivision {
  private static final int ESTIMATES = 3;

  private final KernelBuilder k;

  public IntegerDivision(KernelBuilder builder) {
    this.k = builder;
  }

  private record Division(int quotient, int remainder) {}

  /** Truncated; of a division by zero some number. */
  public int quotient(int a, int b, boolean signed) {
    if (!signed) return divide(a, b).quotient;
    int sign = sign(k.op(XOR, a, b));
    return signed(divide(magnitude(a), magnitude(b)).quotient, sign);
  }

  /** With the sign of a. */
  public int remainder(int a, int b, boolean signed) {
    if (!signed) return divide(a, b).remainder;
    return signed(divide(magnitude(a), magnitude(b)).remainder, sign(a));
  }

  private Division divide(int a, int b) {
    int reciprocal = k.op(DIV, k.constant(1 - 0x1p-20), toFloat(b));
    int quotient = k.bits(0);
    int rest = a;
    for (int i = 0; i < ESTIMATES; i++) {
      int more = k.op(TO_INT, k.op(MUL, toFloat(rest), reciprocal));
      quotient = k.op(INT_ADD, quotient, more);
      rest = k.op(INT_SUB, rest, k.op(INT_MUL, more, b));
    }
    int least = k.bits(Integer.MIN_VALUE); // Which lets a signed comparison order unsigned numbers.
    int x = k.op(XOR, rest, least);
    int y = k.op(XOR, b, least);
    int zero = k.bits(0);
    return new Division(
        k.op(INT_ADD, quotient, k.select(Predicate.INT_LESS, x, y, zero, k.bits(1))),
        k.op(INT_SUB, rest, k.select(Predicate.INT_LESS, x, y, zero, b)));
  }

  /** An unsigned number, by halves of 16 bits. */
  private int toFloat(int x) {
    int high = k.op(TO_FLOAT, k.add(SHIFT_RIGHT, 16, x));
    int low = k.op(TO_FLOAT, k.op(AND, x, k.bits(0xFFFF)));
    return k.op(ADD, k.op(MUL, high, k.constant(65536)), low);
  }

  private int magnitude(int x) {
    return k.op(INT_MAX, x, k.op(INT_SUB, k.bits(0), x));
  }

  /** −1 or 0 in all bits. */
  private int sign(int x) {
    return k.add(SHIFT_RIGHT_SIGNED, 31, x);
  }

  private int signed(int x, int sign) {
    return k.op(INT_SUB, k.op(XOR, x, sign), sign);
  }
}
