package dev.gamelan.onnx.proto;

import dev.gamelan.onnx.OnnxException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import java.util.function.LongConsumer;

/**
 * Reads one protocol buffer message field by field. Nothing is copied: bytes are views of the
 * segment, which may be a mapped file of any size. The bytes are not trusted.
 *
 * @see <a href="https://protobuf.dev/programming-guides/encoding/">the wire format</a>
 */
public final class WireReader {
  /** Graphs in graphs; deeper ones are taken for an attack on the stack. */
  private static final int MAX_DEPTH = 256;

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FIXED32 = 5;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment bytes;
  private final int depth;
  private long at;
  private int field;
  private int wireType;

  public WireReader(MemorySegment bytes) {
    this(bytes, 0);
  }

  private WireReader(MemorySegment bytes, int depth) {
    this.bytes = bytes;
    this.depth = depth;
  }

  /** Moves to the next field; false at the end of the message. */
  boolean next() {
    if (at >= bytes.byteSize()) return false;
    long tag = varint();
    field = (int) (tag >>> 3);
    wireType = (int) (tag & 7);
    if (tag >>> 32 != 0 || field == 0) throw damaged("field number " + (tag >>> 3));
    return true;
  }

  /** The number of the field that {@link #next} moved to. */
  int field() {
    return field;
  }

  long integer() {
    expect(VARINT);
    return varint();
  }

  float number() {
    expect(FIXED32);
    return Float.intBitsToFloat(bytes.get(INT, advance(Integer.BYTES)));
  }

  String text() {
    return new String(bytes().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
  }

  /** A view. */
  MemorySegment bytes() {
    expect(LENGTH_DELIMITED);
    long length = varint();
    return bytes.asSlice(advance(length), length);
  }

  <T> T message(Function<WireReader, T> parse) {
    if (depth >= MAX_DEPTH) {
      throw new OnnxException("messages are nested more than %d deep".formatted(MAX_DEPTH));
    }
    return parse.apply(new WireReader(bytes(), depth + 1));
  }

  /** A repeated integer: one of them, or all of them packed. */
  void integers(LongConsumer to) {
    if (wireType == VARINT) {
      to.accept(varint());
      return;
    }
    var packed = new WireReader(bytes());
    while (packed.at < packed.bytes.byteSize()) to.accept(packed.varint());
  }

  /** Repeated 32-bit words, packed or one by one, as their bits. */
  void words(LongConsumer to) {
    if (wireType == FIXED32) {
      to.accept(bytes.get(INT, advance(Integer.BYTES)));
      return;
    }
    var packed = wholeElements(Integer.BYTES);
    for (long i = 0; i < packed.byteSize(); i += Integer.BYTES) to.accept(packed.get(INT, i));
  }

  /** Repeated 64-bit words, packed or one by one, as their bits. */
  void longWords(LongConsumer to) {
    if (wireType == FIXED64) {
      to.accept(bytes.get(LONG, advance(Long.BYTES)));
      return;
    }
    var packed = wholeElements(Long.BYTES);
    for (long i = 0; i < packed.byteSize(); i += Long.BYTES) to.accept(packed.get(LONG, i));
  }

  private MemorySegment wholeElements(int size) {
    var packed = bytes();
    if (packed.byteSize() % size != 0)
      throw damaged("%d packed bytes".formatted(packed.byteSize()));
    return packed;
  }

  /** Passes over a field that nobody asked for. */
  void skip() {
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> advance(Long.BYTES);
      case LENGTH_DELIMITED -> bytes();
      case FIXED32 -> advance(Integer.BYTES);
      default -> throw damaged("wire type " + wireType);
    }
  }

  private void expect(int type) {
    if (wireType != type) {
      throw damaged("wire type %d instead of %d for field %d".formatted(wireType, type, field));
    }
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte b = bytes.get(ValueLayout.JAVA_BYTE, advance(1));
      value |= (b & 0x7fL) << shift;
      if (b >= 0) return value;
    }
    throw damaged("a number of more than 10 bytes");
  }

  /** Where the next {@code length} bytes begin. */
  private long advance(long length) {
    if (length < 0 || length > bytes.byteSize() - at) {
      throw damaged("%d bytes where %d are left".formatted(length, bytes.byteSize() - at));
    }
    long from = at;
    at += length;
    return from;
  }

  private OnnxException damaged(String what) {
    return new OnnxException(
        "no ONNX model, or one that is cut off or damaged: %s at byte %d of a message of %d"
            .formatted(what, at, bytes.byteSize()));
  }
}
