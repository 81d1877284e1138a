package dev.gamelan.pass;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The codes of a narrow floating-point dtype in the order of what is rounded to them. A double's
 * key is its bits, ordered as integers as the doubles are, with −0 before 0 and NaN at both ends.
 *
 * @param leastKeys i64[size]: the least key that is rounded to each code
 * @param codes u8[size]
 * @param size a power of two; the last code repeats
 */
record StorageCodes(Literal leastKeys, Literal codes, int size) {
  private static final int SIZE = 512;

  static StorageCodes of(DType dtype, boolean saturate) {
    var keys = new ArrayList<Long>();
    var codes = new ArrayList<Long>();
    keys.add(Long.MIN_VALUE);
    codes.add(code(Long.MIN_VALUE, dtype, saturate));
    long known = Long.MIN_VALUE;
    for (long next : keysOfValues(dtype)) {
      long wanted = code(next, dtype, saturate);
      if (wanted != codes.getLast()) {
        keys.add(leastKey(known, next, dtype, saturate));
        codes.add(wanted);
      }
      known = next;
    }
    while (keys.size() < SIZE) {
      keys.add(Long.MAX_VALUE);
      codes.add(codes.getLast());
    }
    return new StorageCodes(literal(DType.I64, keys), literal(DType.U8, codes), SIZE);
  }

  /** What {@code convert} makes of each code of {@code from}: of {@code to}, or its codes. */
  static Literal converted(DType from, DType to, boolean saturate) {
    var values =
        LongStream.range(0, 1L << from.bits())
            .mapToObj(code -> converted(new Scalar(from, code), to, saturate))
            .toList();
    return to.isStorage()
        ? literal(DType.U8, values.stream().map(Scalar::bits).toList())
        : Literal.of(TensorType.of(to, values.size()), values);
  }

  private static Scalar converted(Scalar value, DType to, boolean saturate) {
    if (to.isFloat()) return new Scalar(to, encode(value.toDouble(), to, saturate));
    return Scalar.of(
        to, value.dtype().isFloat() ? to.fromDouble(value.toDouble()) : to.wrap(value.toLong()));
  }

  private static long encode(double value, DType dtype, boolean saturate) {
    return saturate ? dtype.format().encodeSaturating(value) : dtype.format().encode(value);
  }

  /** The keys of all its values and of the special doubles, ascending. */
  private static long[] keysOfValues(DType dtype) {
    var values =
        IntStream.range(0, 1 << dtype.bits())
            .mapToDouble(code -> dtype.format().decode(code))
            .filter(value -> !Double.isNaN(value));
    var special =
        LongStream.of(
            key(Double.NEGATIVE_INFINITY),
            key(-0.0),
            key(0.0),
            key(Double.POSITIVE_INFINITY),
            key(Double.NaN));
    return LongStream.concat(values.mapToLong(StorageCodes::key), special)
        .sorted()
        .distinct()
        .toArray();
  }

  /** Between two keys whose codes differ: where the second one's begins. */
  private static long leastKey(long below, long above, DType dtype, boolean saturate) {
    long wanted = code(above, dtype, saturate);
    while (above - below != 1) {
      long middle = (below & above) + ((below ^ above) >> 1); // Rounds down, without overflow.
      if (code(middle, dtype, saturate) == wanted) above = middle;
      else below = middle;
    }
    return above;
  }

  private static long code(long key, DType dtype, boolean saturate) {
    return encode(Double.longBitsToDouble(flip(key)), dtype, saturate);
  }

  private static long key(double value) {
    return flip(Double.doubleToRawLongBits(value));
  }

  /** Its own inverse: negative doubles descend by their bits. */
  private static long flip(long bits) {
    return bits ^ ((bits >> 63) & Long.MAX_VALUE);
  }

  private static Literal literal(DType dtype, List<Long> values) {
    return Literal.of(
        TensorType.of(dtype, values.size()),
        values.stream().map(value -> Scalar.of(dtype, value)).toList());
  }
}
