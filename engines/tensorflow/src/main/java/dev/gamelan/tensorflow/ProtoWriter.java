package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.gamelan.exchange.AtomicFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a protocol buffer: the wire format of varints and of what has a length. Long values are
 * kept where they are until the whole is written.
 */
final class ProtoWriter {
  private static final int VARINT = 0;
  private static final int LENGTH = 2;

  /** Bytes from which on a value is not copied. */
  private static final int LONG = 4096;

  private final List<MemorySegment> parts = new ArrayList<>();
  private final ByteArrayOutputStream last = new ByteArrayOutputStream();
  private long partBytes;

  ProtoWriter number(int field, long value) {
    tag(field, VARINT);
    varint(value);
    return this;
  }

  ProtoWriter text(int field, String value) {
    return bytes(field, MemorySegment.ofArray(value.getBytes(UTF_8)));
  }

  ProtoWriter message(int field, ProtoWriter value) {
    tag(field, LENGTH);
    varint(value.size());
    return append(value);
  }

  /** An entry of a map whose keys are strings. */
  ProtoWriter entry(int field, String key, ProtoWriter value) {
    return message(field, new ProtoWriter().text(1, key).message(2, value));
  }

  /** The bytes are read when the whole is written. */
  ProtoWriter bytes(int field, MemorySegment value) {
    tag(field, LENGTH);
    varint(value.byteSize());
    add(value);
    return this;
  }

  /** The fields of another message too. */
  ProtoWriter append(ProtoWriter other) {
    other.parts.forEach(this::add);
    last.writeBytes(other.last.toByteArray());
    return this;
  }

  long size() {
    return partBytes + last.size();
  }

  /**
   * @throws ArithmeticException if they are more than an array holds
   */
  byte[] toBytes() {
    var bytes = new byte[Math.toIntExact(size())];
    var all = MemorySegment.ofArray(bytes);
    long at = 0;
    for (var part : parts) {
      MemorySegment.copy(part, 0, all, at, part.byteSize());
      at += part.byteSize();
    }
    System.arraycopy(last.toByteArray(), 0, bytes, (int) at, last.size());
    return bytes;
  }

  void writeTo(FileChannel channel) throws IOException {
    for (var part : parts) AtomicFiles.writeFully(channel, part);
    AtomicFiles.writeFully(channel, MemorySegment.ofArray(last.toByteArray()));
  }

  private void add(MemorySegment bytes) {
    if (bytes.byteSize() < LONG) {
      last.writeBytes(bytes.toArray(JAVA_BYTE));
      return;
    }
    if (last.size() > 0) {
      parts.add(MemorySegment.ofArray(last.toByteArray()));
      partBytes += last.size();
      last.reset();
    }
    parts.add(bytes);
    partBytes += bytes.byteSize();
  }

  private void tag(int field, int wireType) {
    varint((long) field << 3 | wireType);
  }

  private void varint(long value) {
    long rest = value;
    for (; (rest & ~0x7fL) != 0; rest >>>= 7) last.write((int) (rest | 0x80) & 0xff);
    last.write((int) rest);
  }
}
