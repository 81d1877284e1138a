package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Reads a protocol buffer that nobody vouches for, field by field. */
final class ProtoReader {
  private static final int VARINT = 0;
  private static final int FIXED_64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED_32 = 5;

  /**
   * @param number a varint's value, else 0
   * @param bytes of what has a length, else empty
   */
  record Field(int field, long number, MemorySegment bytes) {
    String text() {
      return new String(bytes.toArray(JAVA_BYTE), UTF_8);
    }

    List<Field> fields() throws IOException {
      return ProtoReader.fields(bytes);
    }
  }

  private final MemorySegment message;
  private long at;

  private ProtoReader(MemorySegment message) {
    this.message = message;
  }

  /**
   * The message's fields in order.
   *
   * @throws IOException if it is none
   */
  static List<Field> fields(MemorySegment message) throws IOException {
    var reader = new ProtoReader(message);
    var fields = new ArrayList<Field>();
    while (reader.at < message.byteSize()) fields.add(reader.field());
    return fields;
  }

  private Field field() throws IOException {
    long tag = varint();
    int field = (int) (tag >>> 3);
    return switch ((int) tag & 7) {
      case VARINT -> new Field(field, varint(), MemorySegment.NULL);
      case LENGTH -> new Field(field, 0, take(varint()));
      case FIXED_64 -> new Field(field, 0, take(Long.BYTES));
      case FIXED_32 -> new Field(field, 0, take(Integer.BYTES));
      default -> throw new IOException("no protocol buffer: wire type " + (tag & 7));
    };
  }

  private MemorySegment take(long count) throws IOException {
    if (count < 0 || count > message.byteSize() - at) {
      throw new IOException("a protocol buffer that ends too soon");
    }
    var bytes = message.asSlice(at, count);
    at += count;
    return bytes;
  }

  private long varint() throws IOException {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = take(1).get(JAVA_BYTE, 0);
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) return value;
    }
    throw new IOException("no protocol buffer: a number of more than 64 bits");
  }
}
