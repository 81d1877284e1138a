package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;

/** Protocol buffers as bytes: the wire format of varints and of what has a length. */
final class ProtoWriter {
  private static final int VARINT = 0;
  private static final int LENGTH = 2;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  ProtoWriter number(int field, long value) {
    tag(field, VARINT);
    varint(value);
    return this;
  }

  ProtoWriter text(int field, String value) {
    return bytes(field, value.getBytes(UTF_8));
  }

  ProtoWriter message(int field, ProtoWriter value) {
    return bytes(field, value.toBytes());
  }

  /** An entry of a map whose keys are strings. */
  ProtoWriter entry(int field, String key, ProtoWriter value) {
    return message(field, new ProtoWriter().text(1, key).message(2, value));
  }

  ProtoWriter bytes(int field, MemorySegment value) {
    return bytes(field, value.toArray(JAVA_BYTE));
  }

  /** The fields of another message too. */
  ProtoWriter append(ProtoWriter other) {
    bytes.writeBytes(other.toBytes());
    return this;
  }

  byte[] toBytes() {
    return bytes.toByteArray();
  }

  private ProtoWriter bytes(int field, byte[] value) {
    tag(field, LENGTH);
    varint(value.length);
    bytes.writeBytes(value);
    return this;
  }

  private void tag(int field, int wireType) {
    varint((long) field << 3 | wireType);
  }

  private void varint(long value) {
    long rest = value;
    for (; (rest & ~0x7fL) != 0; rest >>>= 7) bytes.write((int) (rest | 0x80) & 0xff);
    bytes.write((int) rest);
  }
}
