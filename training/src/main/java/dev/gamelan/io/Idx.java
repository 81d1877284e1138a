package dev.gamelan.io;

import dev.gamelan.type.Shape;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/**
 * The format of MNIST: unsigned bytes in an array of any rank. A file may be gzipped.
 *
 * @see <a href="http://yann.lecun.com/exdb/mnist/">the format's description</a>
 */
public final class Idx {
  private static final int UNSIGNED_BYTE = 0x08;
  private static final int GZIP_MAGIC = 0x1f8b;

  private final Shape shape;
  private final byte[] elements;

  private Idx(Shape shape, byte[] elements) {
    this.shape = shape;
    this.elements = elements;
  }

  public static Idx read(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return read(in, file.toString());
    }
  }

  /**
   * Reads to the end of {@code in}.
   *
   * @param name what errors call it
   * @throws IOException if it is no IDX file of unsigned bytes, or shorter or longer than it says
   */
  public static Idx read(InputStream in, String name) throws IOException {
    var data = new DataInputStream(plain(new BufferedInputStream(in)));
    int magic = data.readInt();
    int rank = magic & 0xff;
    if (magic >>> 16 != 0 || (magic >>> 8 & 0xff) != UNSIGNED_BYTE || rank == 0) {
      throw new IOException(
          "%s: no IDX file of unsigned bytes; it begins with %08x".formatted(name, magic));
    }
    var dims = new long[rank];
    long size = 1;
    for (int i = 0; i < rank; i++) {
      dims[i] = data.readInt();
      if (dims[i] < 0 || size * Math.max(dims[i], 1) > Integer.MAX_VALUE - 16) {
        throw new IOException("%s: size %d of axis %d is out of range".formatted(name, dims[i], i));
      }
      size *= dims[i];
    }
    // Not allocated before it is known to be there: the header may lie.
    var elements = data.readNBytes((int) size);
    if (elements.length < size) {
      throw new IOException(
          "%s: needs %d elements and has %d".formatted(name, size, elements.length));
    }
    if (data.read() >= 0) throw new IOException(name + ": goes on after its last element");
    return new Idx(Shape.of(dims), elements);
  }

  private static InputStream plain(InputStream in) throws IOException {
    in.mark(2);
    int magic = in.read() << 8 | in.read();
    in.reset();
    return magic == GZIP_MAGIC ? new GZIPInputStream(in) : in;
  }

  public Shape shape() {
    return shape;
  }

  /** The elements as floats divided by {@code scale}. */
  public float[] toFloats(float scale) {
    var floats = new float[elements.length];
    for (int i = 0; i < floats.length; i++) floats[i] = (elements[i] & 0xff) / scale;
    return floats;
  }

  public int[] toInts() {
    var ints = new int[elements.length];
    for (int i = 0; i < ints.length; i++) ints[i] = elements[i] & 0xff;
    return ints;
  }
}
