package dev.gamelan.io;

import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.type.DType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * NumPy's format for one array. Files are not trusted, and pickled objects are not read.
 *
 * @see <a href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">the
 *     format's description</a>
 */
public final class Npy {
  private Npy() {}

  /**
   * Maps a file; one that is big-endian or column-major is copied instead.
   *
   * @throws IOException if it is no NPY file of numbers, or shorter or longer than it says
   */
  public static HostArray read(Path file) throws IOException {
    NpyHeader header;
    long start;
    try (var in = Files.newInputStream(file)) {
      header = NpyHeader.read(in, file.toString());
      start = header.length();
    }
    var bytes = Segments.map(file, Arena.ofAuto());
    long size = bytes.byteSize() - start;
    if (size != header.type().bytes()) {
      throw new IOException(
          "%s: has %d bytes of data, and %s takes %d"
              .formatted(file, size, header.type(), header.type().bytes()));
    }
    return array(header, bytes.asSlice(start, size));
  }

  /** Reads one array from {@code in}, and nothing behind it. */
  static HostArray read(InputStream in, String name) throws IOException {
    var header = NpyHeader.read(in, name);
    return array(header, Segments.read(in, header.type().bytes(), name));
  }

  private static HostArray array(NpyHeader header, MemorySegment bytes) {
    var type = header.type();
    var ours = header.bigEndian() ? ElementOrder.swapped(type.dtype(), bytes) : bytes;
    return new HostArray(type, header.columnMajor() ? ElementOrder.rowMajor(type, ours) : ours);
  }

  /** Writes atomically. */
  public static void write(Path file, HostArray array) throws IOException {
    var header = NpyHeader.encode(array.type());
    AtomicFiles.write(
        file,
        channel -> {
          AtomicFiles.writeFully(channel, ByteBuffer.wrap(header));
          AtomicFiles.writeFully(channel, array.bytes());
        });
  }

  /** What NumPy calls a dtype; empty for those that it has not. */
  static String name(DType dtype) {
    return switch (dtype) {
      case F32 -> "f4";
      case F64 -> "f8";
      case F16 -> "f2";
      case I8 -> "i1";
      case U8 -> "u1";
      case I16 -> "i2";
      case U16 -> "u2";
      case I32 -> "i4";
      case U32 -> "u4";
      case I64 -> "i8";
      case U64 -> "u8";
      case BOOL -> "b1";
      case BF16, F8E4M3FN, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ, F8E8M0, F4E2M1, I4, U4, I2, U2 -> "";
    };
  }
}
