package dev.gamelan.engine.reference;

import dev.gamelan.engine.EngineException;
import dev.gamelan.ir.Literal;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The elements of a tensor on the heap: floating-point ones as doubles, which hold every format
 * exactly, others as longs wrapped to their dtype. Kernels round or wrap what they store.
 */
public final class Array {
  private static final long MAX_SIZE = Integer.MAX_VALUE - 8;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final TensorType type;
  private final double @Nullable [] floats;
  private final long @Nullable [] integers;

  private Array(TensorType type, double @Nullable [] floats, long @Nullable [] integers) {
    this.type = type;
    this.floats = floats;
    this.integers = integers;
  }

  /** Zeros. */
  public static Array zeros(TensorType type) {
    if (type.size() > MAX_SIZE) {
      throw new EngineException(
          "the reference engine holds at most %d elements in a tensor, not %s; use another engine"
              .formatted(MAX_SIZE, type));
    }
    int size = (int) type.size();
    return type.dtype().isFloat()
        ? new Array(type, new double[size], null)
        : new Array(type, null, new long[size]);
  }

  /** Of values that are rounded to the dtype already. */
  public static Array of(TensorType type, double[] values) {
    return new Array(type, values, null);
  }

  /** Of values that are wrapped to the dtype already. */
  public static Array of(TensorType type, long[] values) {
    return new Array(type, null, values);
  }

  /** Rounds {@code values} in place. */
  static Array rounding(TensorType type, double[] values) {
    var format = type.dtype().format();
    if (type.dtype() == DType.F32) {
      for (int i = 0; i < values.length; i++) values[i] = (float) values[i];
    } else if (type.dtype() != DType.F64) {
      Arrays.setAll(values, i -> format.round(values[i]));
    }
    return of(type, values);
  }

  /** Wraps {@code values} in place. */
  static Array wrapping(TensorType type, long[] values) {
    var dtype = type.dtype();
    if (dtype != DType.I64)
      for (int i = 0; i < values.length; i++) values[i] = dtype.wrap(values[i]);
    return of(type, values);
  }

  static Array filled(TensorType type, Scalar value) {
    var array = zeros(type);
    if (array.floats != null) Arrays.fill(array.floats, value.toDouble());
    else Arrays.fill(array.integers(), value.toLong());
    return array;
  }

  static Array of(Literal literal) {
    var array = zeros(literal.type());
    array.read(MemorySegment.ofBuffer(literal.bytes()));
    return array;
  }

  public TensorType type() {
    return type;
  }

  public int size() {
    return floats != null ? floats.length : integers().length;
  }

  boolean isFloat() {
    return floats != null;
  }

  public double[] floats() {
    if (floats == null) throw new IllegalStateException(type + " is not floating-point");
    return floats;
  }

  public long[] integers() {
    if (integers == null) throw new IllegalStateException(type + " is floating-point");
    return integers;
  }

  /** The only element. */
  long integer() {
    return integers()[0];
  }

  /** The same elements in another shape. */
  Array reshaped(Shape shape) {
    return new Array(type.with(shape), floats, integers);
  }

  /** Element i of the result is element {@code from[i]} of this, or {@code outside} where -1. */
  Array pick(TensorType result, int[] from, Array outside) {
    var picked = zeros(result);
    for (int i = 0; i < from.length; i++) {
      if (from[i] >= 0) picked.set(i, this, from[i]);
      else picked.set(i, outside, 0);
    }
    return picked;
  }

  Array pick(TensorType result, int[] from) {
    return pick(result, from, this);
  }

  Array copy() {
    return new Array(
        type, floats == null ? null : floats.clone(), integers == null ? null : integers.clone());
  }

  /** Copies one element of an array of the same dtype. */
  public void set(int index, Array from, int at) {
    if (floats != null) floats[index] = from.floats()[at];
    else integers()[index] = from.integers()[at];
  }

  /** The dtype's bits of an element. */
  long bits(int index) {
    if (floats != null) return type.dtype().format().encode(floats[index]);
    return new Scalar(type.dtype(), integers()[index]).bits();
  }

  void setBits(int index, long bits) {
    if (floats != null) floats[index] = type.dtype().format().decode(bits);
    else integers()[index] = type.dtype().wrap(bits);
  }

  /** Reads {@code type().bytes()} bytes, laid out as {@link dev.gamelan.engine.Buffer} says. */
  public void read(MemorySegment from) {
    int bits = type.dtype().bits();
    for (int i = 0; i < size(); i++) {
      setBits(
          i,
          switch (bits) {
            case 64 -> from.get(LONG, 8L * i);
            case 32 -> from.get(INT, 4L * i) & 0xffff_ffffL;
            case 16 -> from.get(SHORT, 2L * i) & 0xffffL;
            case 8 -> from.get(ValueLayout.JAVA_BYTE, i) & 0xffL;
            default -> {
              int value = from.get(ValueLayout.JAVA_BYTE, (long) i * bits / 8);
              yield value >>> ((long) i * bits % 8) & ~(-1L << bits);
            }
          });
    }
  }

  /** Writes {@code type().bytes()} bytes. */
  public void write(MemorySegment to) {
    int bits = type.dtype().bits();
    if (bits < 8) to.asSlice(0, type.bytes()).fill((byte) 0);
    for (int i = 0; i < size(); i++) {
      long value = bits(i);
      switch (bits) {
        case 64 -> to.set(LONG, 8L * i, value);
        case 32 -> to.set(INT, 4L * i, (int) value);
        case 16 -> to.set(SHORT, 2L * i, (short) value);
        case 8 -> to.set(ValueLayout.JAVA_BYTE, i, (byte) value);
        default -> {
          long at = (long) i * bits / 8;
          int present = to.get(ValueLayout.JAVA_BYTE, at);
          to.set(ValueLayout.JAVA_BYTE, at, (byte) (present | value << ((long) i * bits % 8)));
        }
      }
    }
  }
}
