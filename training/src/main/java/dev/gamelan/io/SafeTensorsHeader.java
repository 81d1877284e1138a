package dev.gamelan.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a safetensors file says of itself, checked: places lie inside the file, fit their types, and
 * cover the data without gap or overlap.
 *
 * @param entries in the order in which they lie in the file
 * @param dataStart where the first of them begins
 */
record SafeTensorsHeader(List<Entry> entries, Map<String, String> metadata, long dataStart) {
  /** A tensor's type, and its bytes relative to the start of the data. */
  record Entry(String name, TensorType type, long start, long end) {}

  private static final String METADATA = "__metadata__";
  private static final long MAX_LENGTH = 100_000_000;
  private static final int LENGTH_BYTES = 8;
  private static final int ALIGNMENT = 8;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** What the format calls a dtype; empty for those that it has not. */
  static String name(DType dtype) {
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
      case I4, U4, I2, U2 -> "";
    };
  }

  /**
   * The bytes that begin a file of tensors of these types, one after the other.
   *
   * @throws IllegalArgumentException naming a tensor whose dtype the format has not
   */
  static byte[] encode(Map<String, TensorType> types, Map<String, String> metadata)
      throws IOException {
    var header = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      var node = header.putObject(METADATA);
      metadata.forEach(node::put);
    }
    long offset = 0;
    for (var entry : types.entrySet()) {
      var type = entry.getValue();
      var name = name(type.dtype());
      if (name.isEmpty()) {
        throw new IllegalArgumentException(
            "'%s': safetensors has no %s; bitcast it to u8 first"
                .formatted(entry.getKey(), type.dtype()));
      }
      if (entry.getKey().equals(METADATA)) {
        throw new IllegalArgumentException("no tensor can be called " + METADATA);
      }
      var node = header.putObject(entry.getKey());
      node.put("dtype", name);
      var shape = node.putArray("shape");
      type.shape().toList().forEach(shape::add);
      node.putArray("data_offsets").add(offset).add(offset + type.bytes());
      offset += type.bytes();
    }
    var json = JSON.writeValueAsBytes(header);
    int length = Math.ceilDiv(json.length, ALIGNMENT) * ALIGNMENT;
    var bytes = new byte[LENGTH_BYTES + length];
    Arrays.fill(bytes, (byte) ' ');
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(json);
    return bytes;
  }

  /**
   * @throws IOException naming {@code file} and what is wrong with it
   */
  static SafeTensorsHeader parse(Path file, MemorySegment bytes) throws IOException {
    return new Parser(file, bytes).parse();
  }

  private record Parser(Path file, MemorySegment bytes) {
    SafeTensorsHeader parse() throws IOException {
      if (bytes.byteSize() < LENGTH_BYTES) {
        throw corrupt("it has %d bytes".formatted(bytes.byteSize()));
      }
      long length = bytes.get(LONG, 0);
      if (length < 2 || length > MAX_LENGTH || length > bytes.byteSize() - LENGTH_BYTES) {
        throw corrupt("a header of %d bytes does not fit".formatted(length));
      }
      var header = json(bytes.asSlice(LENGTH_BYTES, length));
      long dataStart = LENGTH_BYTES + length;
      return new SafeTensorsHeader(
          entries(header, bytes.byteSize() - dataStart), metadata(header), dataStart);
    }

    private JsonNode json(MemorySegment text) throws IOException {
      try {
        // Strict: a name whose bytes are no UTF-8 would come back as another name.
        var decoded = StandardCharsets.UTF_8.newDecoder().decode(text.asByteBuffer());
        var header = JSON.readTree(decoded.toString());
        if (!header.isObject()) throw corrupt("the header is no object");
        return header;
      } catch (CharacterCodingException e) {
        throw corrupt("the header is no UTF-8");
      } catch (JsonProcessingException e) {
        throw corrupt("the header is no JSON: " + e.getOriginalMessage());
      }
    }

    private Map<String, String> metadata(JsonNode header) throws IOException {
      var texts = new LinkedHashMap<String, String>();
      if (!header.has(METADATA)) return texts;
      for (var property : header.path(METADATA).properties()) {
        if (!property.getValue().isTextual()) {
          throw corrupt("the metadata '%s' is no text".formatted(property.getKey()));
        }
        texts.put(property.getKey(), property.getValue().asText());
      }
      return texts;
    }

    private List<Entry> entries(JsonNode header, long size) throws IOException {
      var entries = new ArrayList<Entry>();
      for (var property : header.properties()) {
        if (!property.getKey().equals(METADATA)) {
          entries.add(entry(property.getKey(), property.getValue()));
        }
      }
      entries.sort(Comparator.comparingLong(Entry::start).thenComparingLong(Entry::end));
      long end = 0;
      for (var entry : entries) {
        if (entry.start() != end) {
          throw corrupt("'%s' begins at %d, not %d".formatted(entry.name(), entry.start(), end));
        }
        end = entry.end();
      }
      if (end != size) throw corrupt("it has %d bytes of data, not %d".formatted(size, end));
      return entries;
    }

    private Entry entry(String name, JsonNode node) throws IOException {
      var dtype = dtype(name, node.path("dtype"));
      if (!node.path("shape").isArray()) throw corrupt("'%s' has no shape".formatted(name));
      var dims = new ArrayList<Long>();
      for (var dim : node.path("shape")) dims.add(natural(name, dim));
      var places = node.path("data_offsets");
      long start = natural(name, places.path(0));
      long end = natural(name, places.path(1));
      try {
        var type = new TensorType(dtype, Shape.of(dims));
        if (places.size() != 2 || end - start != type.bytes()) {
          throw corrupt("'%s' is %s, which is not %d bytes".formatted(name, type, end - start));
        }
        return new Entry(name, type, start, end);
      } catch (ArithmeticException | IllegalArgumentException e) {
        throw corrupt("'%s': %s".formatted(name, e.getMessage()));
      }
    }

    private DType dtype(String name, JsonNode text) throws IOException {
      for (var dtype : DType.values()) {
        if (text.isTextual() && !text.asText().isEmpty() && name(dtype).equals(text.asText())) {
          return dtype;
        }
      }
      throw corrupt("'%s' has dtype %s".formatted(name, text));
    }

    private static String name(DType dtype) {
      return SafeTensorsHeader.name(dtype);
    }

    private long natural(String name, JsonNode number) throws IOException {
      if (!number.isIntegralNumber() || !number.canConvertToLong() || number.asLong() < 0) {
        throw corrupt("'%s' has a size or place of %s".formatted(name, number));
      }
      return number.asLong();
    }

    private IOException corrupt(String what) {
      return new IOException("%s is no safetensors file: %s".formatted(file, what));
    }
  }
}
