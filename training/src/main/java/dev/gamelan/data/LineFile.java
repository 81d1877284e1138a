package dev.gamelan.data;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** The lines of a UTF-8 file by number. The file is mapped, and only where lines begin is kept. */
public final class LineFile implements Dataset<String> {
  private final Path file;
  private final MemorySegment bytes;
  private final long[] starts;

  private LineFile(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
    this.starts = starts(bytes);
  }

  /** Looks through the file for line ends. */
  public static LineFile open(Path file) throws IOException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
      return new LineFile(file, bytes);
    }
  }

  /** Where each line begins, and the end of the last one. */
  private static long[] starts(MemorySegment bytes) {
    var starts = new long[64];
    starts[0] = startsWithMark(bytes) ? 3 : 0;
    int count = 1;
    for (long at = 0; at < bytes.byteSize(); at++) {
      if (bytes.get(ValueLayout.JAVA_BYTE, at) != '\n') continue;
      if (count == starts.length) starts = Arrays.copyOf(starts, count * 2);
      starts[count++] = at + 1;
    }
    boolean open = starts[count - 1] < bytes.byteSize();
    starts = Arrays.copyOf(starts, open ? count + 1 : count);
    if (open) starts[count] = bytes.byteSize();
    return starts;
  }

  /** Whether there is a byte order mark, which is no part of the first line. */
  private static boolean startsWithMark(MemorySegment bytes) {
    return bytes.byteSize() >= 3
        && bytes.get(ValueLayout.JAVA_BYTE, 0) == (byte) 0xef
        && bytes.get(ValueLayout.JAVA_BYTE, 1) == (byte) 0xbb
        && bytes.get(ValueLayout.JAVA_BYTE, 2) == (byte) 0xbf;
  }

  public Path file() {
    return file;
  }

  @Override
  public long size() {
    return starts.length - 1L;
  }

  /**
   * Without its end.
   *
   * @throws BrokenRecordException if it is no UTF-8
   */
  @Override
  public String get(long index) {
    int line = Math.toIntExact(index);
    long from = starts[line];
    long to = starts[line + 1];
    while (to > from && isLineEnd(bytes.get(ValueLayout.JAVA_BYTE, to - 1))) to--;
    if (to - from > Integer.MAX_VALUE - 8) {
      throw new BrokenRecordException(file, index + 1, "has %d bytes".formatted(to - from));
    }
    try {
      var text = bytes.asSlice(from, to - from).asByteBuffer();
      return StandardCharsets.UTF_8.newDecoder().decode(text).toString();
    } catch (CharacterCodingException e) {
      throw new BrokenRecordException(file, index + 1, "is no UTF-8");
    }
  }

  private static boolean isLineEnd(byte b) {
    return b == '\n' || b == '\r';
  }
}
