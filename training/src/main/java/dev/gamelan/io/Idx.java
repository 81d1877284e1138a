package dev.gamelan.io;

import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The format of MNIST: an array of any rank, big-endian. A file that is read may be gzipped.
 *
 * @see <a href="http://yann.lecun.com/exdb/mnist/">the format's description</a>
 */
public final class Idx {
  private static final int GZIP_MAGIC = 0x1f8b;

  private Idx() {}

  public static HostArray read(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return read(in, file.toString());
    }
  }

  /**
   * Reads to the end of {@code in}.
   *
   * @param name what errors call it
   * @throws IOException if it is no IDX file, or shorter or longer than it says
   */
  public static HostArray read(InputStream in, String name) throws IOException {
    var data = new DataInputStream(plain(new BufferedInputStream(in)));
    try {
      var type = header(data, name);
      var bytes = Segments.read(data, type.bytes(), name);
      if (data.read() >= 0) throw new IOException(name + ": goes on after its last element");
      return new HostArray(type, ElementOrder.swapped(type.dtype(), bytes));
    } catch (EOFException e) {
      throw new IOException(name + ": ends in its header", e);
    }
  }

  private static TensorType header(DataInputStream data, String name) throws IOException {
    int magic = data.readInt();
    int rank = magic & 0xff;
    var dtype = magic >>> 16 == 0 ? dtype(magic >>> 8) : null;
    if (dtype == null || rank == 0) {
      throw new IOException("%s: no IDX file; it begins with %08x".formatted(name, magic));
    }
    var dims = new long[rank];
    for (int i = 0; i < rank; i++) {
      dims[i] = data.readInt();
      if (dims[i] < 0) {
        throw new IOException("%s: size %d of axis %d is negative".formatted(name, dims[i], i));
      }
    }
    try {
      var type = TensorType.of(dtype, dims);
      if (type.bytes() >= 0) return type;
      throw new ArithmeticException("overflow");
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new IOException("%s: its sizes are impossible: %s".formatted(name, e.getMessage()), e);
    }
  }

  private static @Nullable DType dtype(int code) {
    return switch (code) {
      case 0x08 -> DType.U8;
      case 0x09 -> DType.I8;
      case 0x0b -> DType.I16;
      case 0x0c -> DType.I32;
      case 0x0d -> DType.F32;
      case 0x0e -> DType.F64;
      default -> null; // Not a code of the format.
    };
  }

  private static int code(DType dtype) {
    for (int code = 0x08; code <= 0x0e; code++) if (dtype(code) == dtype) return code;
    throw new IllegalArgumentException(
        "idx has no %s; convert it to u8, i8, i16, i32, f32 or f64".formatted(dtype));
  }

  /** Writes atomically, without compression. */
  public static void write(Path file, HostArray array) throws IOException {
    var type = array.type();
    int code = code(type.dtype());
    if (type.rank() == 0 || type.rank() > 255) {
      throw new IllegalArgumentException("idx has ranks from 1 to 255; got " + type);
    }
    var header = ByteBuffer.allocate(4 + 4 * type.rank()).putInt(code << 8 | type.rank());
    for (long dim : type.shape().dims()) {
      if (dim > Integer.MAX_VALUE) {
        throw new IllegalArgumentException("idx has axes of less than 2^31; got " + type);
      }
      header.putInt((int) dim);
    }
    AtomicFiles.write(
        file,
        channel -> {
          AtomicFiles.writeFully(channel, header.flip());
          AtomicFiles.writeFully(channel, ElementOrder.swapped(type.dtype(), array.bytes()));
        });
  }

  private static InputStream plain(InputStream in) throws IOException {
    in.mark(2);
    int magic = in.read() << 8 | in.read();
    in.reset();
    return magic == GZIP_MAGIC ? new GZIPInputStream(in) : in;
  }
}
