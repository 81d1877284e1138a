package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The elements of a small constant: the dtype's bits, little-endian, packed, row-major. */
public final class Literal {
  /** Larger constants are inputs, so that graphs stay cheap to compare. */
  public static final int MAX_BYTES = 4096;

  private final TensorType type;
  private final byte[] bytes;

  private Literal(TensorType type, byte[] bytes) {
    if (bytes.length != type.bytes() || bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "constant: %s takes %d bytes and a constant at most %d; got %d; make it an input"
              .formatted(type, type.bytes(), MAX_BYTES, bytes.length));
    }
    this.type = type;
    this.bytes = bytes;
  }

  public static Literal of(TensorType type, byte[] bytes) {
    return new Literal(type, bytes.clone());
  }

  public static Literal of(TensorType type, List<Scalar> elements) {
    if (elements.size() != type.size()) {
      throw new IllegalArgumentException(
          "constant: %s has %d elements; got %d".formatted(type, type.size(), elements.size()));
    }
    if (type.bytes() > MAX_BYTES) return new Literal(type, new byte[0]);
    var bytes = new byte[(int) type.bytes()];
    int bits = type.dtype().bits();
    for (int i = 0; i < elements.size(); i++) {
      long value = elements.get(i).bits();
      if (bits < 8) {
        bytes[i * bits / 8] |= (byte) (value << (i * bits % 8));
      } else {
        for (int b = 0; b < bits / 8; b++) bytes[i * (bits / 8) + b] = (byte) (value >>> (8 * b));
      }
    }
    return new Literal(type, bytes);
  }

  public TensorType type() {
    return type;
  }

  /** A read-only view, little-endian. */
  public ByteBuffer bytes() {
    return ByteBuffer.wrap(bytes).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  public Scalar element(int index) {
    DType dtype = type.dtype();
    int bits = dtype.bits();
    if (bits < 8) return new Scalar(dtype, (bytes[index * bits / 8] & 0xff) >>> (index * bits % 8));
    long value = 0;
    for (int b = bits / 8 - 1; b >= 0; b--) {
      value = value << 8 | (bytes[index * (bits / 8) + b] & 0xff);
    }
    return new Scalar(dtype, value);
  }

  public List<Scalar> elements() {
    return IntStream.range(0, (int) type.size()).mapToObj(this::element).toList();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Literal literal
        && type.equals(literal.type)
        && Arrays.equals(bytes, literal.bytes);
  }

  @Override
  public int hashCode() {
    return 31 * type.hashCode() + Arrays.hashCode(bytes);
  }

  /** Such as {@code f32[2]{1.0, 2.0}}. */
  @Override
  public String toString() {
    return type
        + elements().stream().map(Scalar::toString).collect(Collectors.joining(", ", "{", "}"));
  }
}
