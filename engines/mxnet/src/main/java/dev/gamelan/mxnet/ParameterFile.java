package dev.gamelan.mxnet;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A file of named arrays, as NDArray::Save of MXNet 1.9 writes it: a header, the dense arrays one
 * after another, and their names. Little-endian.
 */
final class ParameterFile {
  private static final long MAGIC = 0x112;
  private static final int ARRAY_MAGIC = 0xF993fac9;
  private static final int DENSE = 0;
  private static final int CPU = 1;
  private static final int MOST_AXES = 32;

  private static final ValueLayout.OfInt INT =
      JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment file;
  private long at;

  private ParameterFile(MemorySegment file) {
    this.file = file;
  }

  /**
   * The arrays, mapped from the file.
   *
   * @throws IOException if it is no such file, or holds what is not dense or of a dtype we lack
   */
  static SequencedMap<String, HostTensor> read(Path path, Arena arena) throws IOException {
    try (var channel = FileChannel.open(path)) {
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new ParameterFile(bytes).read();
    }
  }

  private SequencedMap<String, HostTensor> read() throws IOException {
    if (number() != MAGIC) throw new IOException("no file of MXNet's arrays");
    number(); // Reserved.
    long count = number();
    var arrays = new ArrayList<HostTensor>();
    for (long i = 0; i < count; i++) arrays.add(array());
    long names = number();
    if (names != count) throw new IOException("%d arrays with %d names".formatted(count, names));
    var named = new LinkedHashMap<String, HostTensor>();
    for (var array : arrays) {
      var name = new String(take(number()).toArray(ValueLayout.JAVA_BYTE), UTF_8);
      if (named.put(name, array) != null) throw new IOException("two arrays called " + name);
    }
    return named;
  }

  private HostTensor array() throws IOException {
    int magic = take(Integer.BYTES).get(INT, 0);
    if (magic != ARRAY_MAGIC) {
      throw new IOException("an array of another version than MXNet 1.x: %x".formatted(magic));
    }
    if (integer() != DENSE) throw new IOException("a sparse array; make it dense first");
    int rank = integer();
    if (rank < 1 || rank > MOST_AXES) throw new IOException("an array of %d axes".formatted(rank));
    var dims = new long[rank];
    for (int i = 0; i < rank; i++) {
      dims[i] = number();
      if (dims[i] < 1) throw new IOException("an axis of %d elements".formatted(dims[i]));
    }
    integer(); // The device,
    integer(); // and its number.
    int number = integer();
    var dtype =
        DataTypes.of(number).orElseThrow(() -> new IOException("an array of dtype " + number));
    try {
      var type = new TensorType(dtype, Shape.of(dims));
      return new HostTensor(type, take(type.bytes()));
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new IOException("an array of more elements than there can be", e);
    }
  }

  private int integer() throws IOException {
    return take(Integer.BYTES).get(INT, 0);
  }

  private long number() throws IOException {
    return take(Long.BYTES).get(LONG, 0);
  }

  private MemorySegment take(long count) throws IOException {
    if (count < 0 || count > file.byteSize() - at) {
      throw new IOException("a file of MXNet's arrays that ends too soon");
    }
    var bytes = file.asSlice(at, count);
    at += count;
    return bytes;
  }

  /** The file is there whole or not at all. */
  static void write(Path path, Map<String, HostTensor> arrays) throws IOException {
    AtomicFiles.write(
        path,
        channel -> {
          put(channel, MAGIC, 0, arrays.size());
          for (var array : arrays.values()) write(channel, array);
          put(channel, arrays.size());
          for (var name : arrays.keySet()) {
            var bytes = name.getBytes(UTF_8);
            put(channel, bytes.length);
            AtomicFiles.writeFully(channel, ByteBuffer.wrap(bytes));
          }
        });
  }

  private static void write(FileChannel channel, HostTensor array) throws IOException {
    var type = array.type();
    var shape = Array.stored(type);
    int size = 6 * Integer.BYTES + shape.rank() * Long.BYTES;
    var header = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    header.putInt(ARRAY_MAGIC).putInt(DENSE).putInt(shape.rank());
    for (long dim : shape.dims()) header.putLong(dim);
    header.putInt(CPU).putInt(0).putInt(DataTypes.number(type.dtype()));
    AtomicFiles.writeFully(channel, header.flip());
    AtomicFiles.writeFully(channel, array.bytes());
  }

  private static void put(FileChannel channel, long... numbers) throws IOException {
    var bytes = ByteBuffer.allocate(numbers.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long number : numbers) bytes.putLong(number);
    AtomicFiles.writeFully(channel, bytes.flip());
  }

  /** What MXNet's own files have before a name: what it is of a symbol. */
  static String plain(String name) {
    for (var prefix : List.of("arg:", "aux:")) {
      if (name.startsWith(prefix)) return name.substring(prefix.length());
    }
    return name;
  }
}
