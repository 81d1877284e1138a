package dev.gamelan.io;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;

/** Bytes of files and streams as memory segments, which may be larger than 2 GB. */
final class Segments {
  private static final int CHUNK = 1 << 20;

  private Segments() {}

  /** The whole file, mapped until {@code arena} is closed. */
  static MemorySegment map(Path file, Arena arena) throws IOException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    }
  }

  /**
   * The next {@code count} bytes. A count that is not there costs no memory, since what is
   * allocated follows what arrives: headers may lie.
   *
   * @throws IOException if the stream ends before
   */
  static MemorySegment read(InputStream in, long count, String name) throws IOException {
    if (count <= CHUNK) return MemorySegment.ofArray(exactly(in, (int) count, count, name));
    var chunks = new ArrayList<byte[]>();
    for (long left = count; left > 0; left -= CHUNK) {
      chunks.add(exactly(in, (int) Math.min(left, CHUNK), count, name));
    }
    var all = Arena.ofAuto().allocate(count, 64);
    long at = 0;
    for (var chunk : chunks) {
      MemorySegment.copy(MemorySegment.ofArray(chunk), 0, all, at, chunk.length);
      at += chunk.length;
    }
    return all;
  }

  private static byte[] exactly(InputStream in, int length, long count, String name)
      throws IOException {
    var chunk = in.readNBytes(length);
    if (chunk.length < length) {
      throw new IOException("%s: ends before its %d bytes of data".formatted(name, count));
    }
    return chunk;
  }
}
