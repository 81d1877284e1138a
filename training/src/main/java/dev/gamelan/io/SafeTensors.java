package dev.gamelan.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The safetensors format: a header of names, dtypes, shapes and places in JSON, then the bytes.
 * Files are not trusted: places must lie inside, fit their types, and cover the file without
 * overlap.
 *
 * @see <a href="https://github.com/huggingface/safetensors">the format's description</a>
 */
public final class SafeTensors {
  private static final long MAX_HEADER = 100_000_000;
  private static final int ALIGNMENT = 8;
  private static final Map<DType, String> NAMES = names();
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private record Entry(String name, TensorType type, long start, long end) {}

  private SafeTensors() {}

  private static Map<DType, String> names() {
    var names = new LinkedHashMap<DType, String>();
    for (var dtype : DType.values()) names.put(dtype, name(dtype));
    names.values().removeIf(String::isEmpty);
    return names;
  }

  private static String name(DType dtype) {
    return switch (dtype) {
      case F32 -> "F32";
      case F64 -> "F64";
      case F16 -> "F16";
      case BF16 -> "BF16";
      case I8 -> "I8";
      case U8 -> "U8";
      case I16 -> "I16";
      case U16 -> "U16";
      case I32 -> "I32";
      case U32 -> "U32";
      case I64 -> "I64";
      case U64 -> "U64";
      case BOOL -> "BOOL";
      case F8E4M3FN -> "F8_E4M3";
      case F8E5M2 -> "F8_E5M2";
      case F8E8M0 -> "F8_E8M0";
      case F4E2M1 -> "F4";
      case F8E4M3FNUZ -> "F8_E4M3FNUZ";
      case F8E5M2FNUZ -> "F8_E5M2FNUZ";
      case I4, U4, I2, U2 -> ""; // The format has no such dtype.
    };
  }

  /** Writes all of {@code tensors}, atomically. */
  public static void write(Path file, Map<String, Tensor> tensors) throws IOException {
    write(file, tensors, Map.of());
  }

  /** As {@link #write(Path, Map)}, with texts by name. */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    var header = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      var node = header.putObject("__metadata__");
      metadata.forEach(node::put);
    }
    long offset = 0;
    for (var entry : tensors.entrySet()) {
      var type = entry.getValue().type();
      var name = NAMES.get(type.dtype());
      if (name == null) {
        throw new IllegalArgumentException(
            "'%s': safetensors has no %s; bitcast it to u8 first"
                .formatted(entry.getKey(), type.dtype()));
      }
      var node = header.putObject(entry.getKey());
      node.put("dtype", name);
      var shape = node.putArray("shape");
      type.shape().toList().forEach(shape::add);
      node.putArray("data_offsets").add(offset).add(offset + type.bytes());
      offset += type.bytes();
    }
    var json = padded(JSON.writeValueAsBytes(header));
    AtomicFiles.write(
        file,
        channel -> {
          var length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
          writeFully(channel, length.putLong(json.length).flip());
          writeFully(channel, ByteBuffer.wrap(json));
          for (var tensor : tensors.values()) write(channel, tensor);
        });
  }

  private static byte[] padded(byte[] json) {
    var padded = new byte[Math.ceilDiv(json.length, ALIGNMENT) * ALIGNMENT];
    Arrays.fill(padded, (byte) ' ');
    System.arraycopy(json, 0, padded, 0, json.length);
    return padded;
  }

  private static void write(FileChannel channel, Tensor tensor) throws IOException {
    long bytes = tensor.type().bytes();
    try (var arena = Arena.ofConfined()) {
      var segment = arena.allocate(Math.max(bytes, 1), 64);
      tensor.read(segment);
      long chunk = 1L << 30;
      for (long at = 0; at < bytes; at += chunk) {
        writeFully(channel, segment.asSlice(at, Math.min(chunk, bytes - at)).asByteBuffer());
      }
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) channel.write(buffer);
  }

  /**
   * All tensors of a file, in the order in which they lie in it.
   *
   * @throws IOException if it is no safetensors file, naming what is wrong
   */
  public static Map<String, Tensor> read(Path file) throws IOException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ);
        var arena = Arena.ofConfined()) {
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      var header = header(file, bytes);
      long data = 8 + headerLength(file, bytes);
      var tensors = new LinkedHashMap<String, Tensor>();
      for (var entry : entries(file, header, bytes.byteSize() - data)) {
        tensors.put(
            entry.name(),
            Tensor.of(entry.type(), bytes.asSlice(data + entry.start(), entry.type().bytes())));
      }
      return tensors;
    }
  }

  /** The texts of a file, by name. */
  public static Map<String, String> readMetadata(Path file) throws IOException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ);
        var arena = Arena.ofConfined()) {
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      var texts = new LinkedHashMap<String, String>();
      header(file, bytes)
          .path("__metadata__")
          .properties()
          .forEach(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
      return texts;
    }
  }

  private static long headerLength(Path file, MemorySegment bytes) throws IOException {
    if (bytes.byteSize() < 8) throw corrupt(file, "it has %d bytes".formatted(bytes.byteSize()));
    long length = bytes.asSlice(0, 8).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > MAX_HEADER || length > bytes.byteSize() - 8) {
      throw corrupt(file, "a header of %d bytes does not fit".formatted(length));
    }
    return length;
  }

  private static JsonNode header(Path file, MemorySegment bytes) throws IOException {
    var json = new byte[(int) headerLength(file, bytes)];
    MemorySegment.copy(bytes, 8, MemorySegment.ofArray(json), 0, json.length);
    try {
      var header = JSON.readTree(new String(json, StandardCharsets.UTF_8));
      if (!header.isObject()) throw corrupt(file, "the header is no object");
      return header;
    } catch (JsonProcessingException e) {
      throw corrupt(file, "the header is no JSON: " + e.getOriginalMessage());
    }
  }

  private static List<Entry> entries(Path file, JsonNode header, long size) throws IOException {
    var entries = new ArrayList<Entry>();
    for (var property : header.properties()) {
      if (!property.getKey().equals("__metadata__")) {
        entries.add(entry(file, property.getKey(), property.getValue()));
      }
    }
    entries.sort(Comparator.comparingLong(Entry::start).thenComparingLong(Entry::end));
    long end = 0;
    for (var entry : entries) {
      if (entry.start() != end) {
        throw corrupt(
            file, "'%s' begins at %d, not %d".formatted(entry.name(), entry.start(), end));
      }
      end = entry.end();
    }
    if (end != size) throw corrupt(file, "it has %d bytes of data, not %d".formatted(size, end));
    return entries;
  }

  private static Entry entry(Path file, String name, JsonNode node) throws IOException {
    var dtype =
        NAMES.entrySet().stream()
            .filter(known -> known.getValue().equals(node.path("dtype").asText()))
            .findFirst()
            .orElseThrow(
                () -> corrupt(file, "'%s' has dtype %s".formatted(name, node.path("dtype"))))
            .getKey();
    var dims = new ArrayList<Long>();
    for (var dim : node.path("shape")) dims.add(natural(file, name, dim));
    var places = node.path("data_offsets");
    long start = natural(file, name, places.path(0));
    long end = natural(file, name, places.path(1));
    try {
      var type = new TensorType(dtype, Shape.of(dims));
      if (places.size() != 2 || end - start != type.bytes()) {
        throw corrupt(file, "'%s' is %s, which is not %d bytes".formatted(name, type, end - start));
      }
      return new Entry(name, type, start, end);
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw corrupt(file, "'%s': %s".formatted(name, e.getMessage()));
    }
  }

  private static long natural(Path file, String name, JsonNode number) throws IOException {
    if (!number.isIntegralNumber() || !number.canConvertToLong() || number.asLong() < 0) {
      throw corrupt(file, "'%s' has a size or place of %s".formatted(name, number));
    }
    return number.asLong();
  }

  private static IOException corrupt(Path file, String what) {
    return new IOException("%s is no safetensors file: %s".formatted(file, what));
  }
}
