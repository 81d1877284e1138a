package dev.gamelan.io;

import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The safetensors format: a header of names, dtypes, shapes and places in JSON, then the bytes.
 * Files are not trusted.
 *
 * @see <a href="https://github.com/huggingface/safetensors">the format's description</a>
 */
public final class SafeTensors {
  private SafeTensors() {}

  /** A file that is mapped: what is not read costs no memory. Valid until it is closed. */
  public static final class Mapped implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Map<String, HostArray> arrays = new LinkedHashMap<>();
    private final Map<String, String> metadata;

    private Mapped(Path file) throws IOException {
      try {
        var bytes = Segments.map(file, arena);
        var header = SafeTensorsHeader.parse(file, bytes);
        metadata = header.metadata();
        for (var entry : header.entries()) {
          long from = header.dataStart() + entry.start();
          var slice = bytes.asSlice(from, entry.type().bytes());
          arrays.put(entry.name(), new HostArray(entry.type(), slice));
        }
      } catch (IOException | RuntimeException e) {
        arena.close();
        throw e;
      }
    }

    /** In the order in which they lie in the file. */
    public Map<String, HostArray> arrays() {
      return new LinkedHashMap<>(arrays);
    }

    public Map<String, String> metadata() {
      return new LinkedHashMap<>(metadata);
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /** Writes all of {@code tensors}, atomically. */
  public static void write(Path file, Map<String, Tensor> tensors) throws IOException {
    write(file, tensors, Map.of());
  }

  /** As {@link #write(Path, Map)}, with texts by name. */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    var types = new LinkedHashMap<String, TensorType>();
    tensors.forEach((name, tensor) -> types.put(name, tensor.type()));
    write(file, types, metadata, (channel, name) -> write(channel, tensors.get(name)));
  }

  /** As {@link #write(Path, Map, Map)}, of what is on the host, which may be larger than memory. */
  public static void writeArrays(
      Path file, Map<String, HostArray> arrays, Map<String, String> metadata) throws IOException {
    var types = new LinkedHashMap<String, TensorType>();
    arrays.forEach((name, array) -> types.put(name, array.type()));
    write(
        file,
        types,
        metadata,
        (channel, name) ->
            AtomicFiles.writeFully(channel, Objects.requireNonNull(arrays.get(name)).bytes()));
  }

  /** Appends the bytes of the one called {@code name}. */
  @FunctionalInterface
  private interface Contents {
    void write(FileChannel channel, String name) throws IOException;
  }

  private static void write(
      Path file, Map<String, TensorType> types, Map<String, String> metadata, Contents contents)
      throws IOException {
    var header = SafeTensorsHeader.encode(types, metadata);
    AtomicFiles.write(
        file,
        channel -> {
          AtomicFiles.writeFully(channel, ByteBuffer.wrap(header));
          for (var name : types.keySet()) contents.write(channel, name);
        });
  }

  private static void write(FileChannel channel, @Nullable Tensor tensor) throws IOException {
    long bytes = Objects.requireNonNull(tensor).type().bytes();
    try (var arena = Arena.ofConfined()) {
      var segment = arena.allocate(Math.max(bytes, 1), 64);
      tensor.read(segment);
      AtomicFiles.writeFully(channel, segment.asSlice(0, bytes));
    }
  }

  /**
   * Maps a file.
   *
   * @throws IOException if it is no safetensors file, naming what is wrong
   */
  public static Mapped open(Path file) throws IOException {
    return new Mapped(file);
  }

  /**
   * All tensors of a file, in the order in which they lie in it.
   *
   * @throws IOException if it is no safetensors file, naming what is wrong
   */
  public static Map<String, Tensor> read(Path file) throws IOException {
    try (var mapped = open(file)) {
      var tensors = new LinkedHashMap<String, Tensor>();
      mapped.arrays.forEach((name, array) -> tensors.put(name, array.toTensor()));
      return tensors;
    }
  }

  /** The texts of a file, by name. */
  public static Map<String, String> readMetadata(Path file) throws IOException {
    try (var mapped = open(file)) {
      return mapped.metadata();
    }
  }
}
