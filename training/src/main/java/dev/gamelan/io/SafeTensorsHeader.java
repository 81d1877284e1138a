package dev.gamelan.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.io.ByteArrayOutputStream;
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
import java.util.Optional;

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

  /** Token by token: a tree would first load hundreds of classes. */
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

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
    var text = new ByteArrayOutputStream();
    try (var json = JSON.createGenerator(text)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(METADATA);
        for (var entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long offset = 0;
      for (var entry : types.entrySet()) {
        encode(entry.getKey(), entry.getValue(), offset, json);
        offset += entry.getValue().bytes();
      }
      json.writeEndObject();
    }
    var json = text.toByteArray();
    int length = Math.ceilDiv(json.length, ALIGNMENT) * ALIGNMENT;
    var bytes = new byte[LENGTH_BYTES + length];
    Arrays.fill(bytes, (byte) ' ');
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(json);
    return bytes;
  }

  private static void encode(String tensor, TensorType type, long offset, JsonGenerator json)
      throws IOException {
    var dtype = name(type.dtype());
    if (dtype.isEmpty()) {
      throw new IllegalArgumentException(
          "'%s': safetensors has no %s; bitcast it to u8 first".formatted(tensor, type.dtype()));
    }
    if (tensor.equals(METADATA)) {
      throw new IllegalArgumentException("no tensor can be called " + METADATA);
    }
    json.writeObjectFieldStart(tensor);
    json.writeStringField("dtype", dtype);
    json.writeFieldName("shape");
    var dims = type.shape().dims();
    json.writeArray(dims, 0, dims.length);
    json.writeFieldName("data_offsets");
    json.writeArray(new long[] {offset, offset + type.bytes()}, 0, 2);
    json.writeEndObject();
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
      // Strict: a name whose bytes are no UTF-8 would come back as another name.
      var decoder = StandardCharsets.UTF_8.newDecoder();
      try {
        var text = decoder.decode(bytes.asSlice(LENGTH_BYTES, length).asByteBuffer());
        try (var json = JSON.createParser(text.toString())) {
          return header(json, LENGTH_BYTES + length);
        }
      } catch (CharacterCodingException e) {
        throw corrupt("the header is no UTF-8");
      } catch (JsonProcessingException e) {
        throw corrupt("the header is no JSON: " + e.getOriginalMessage());
      }
    }

    private SafeTensorsHeader header(JsonParser json, long dataStart) throws IOException {
      if (json.nextToken() != JsonToken.START_OBJECT) throw corrupt("the header is no object");
      var entries = new ArrayList<Entry>();
      var metadata = new LinkedHashMap<String, String>();
      for (var name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        json.nextToken();
        if (name.equals(METADATA)) readMetadata(json, metadata);
        else entries.add(entry(name, json));
      }
      entries.sort(Comparator.comparingLong(Entry::start).thenComparingLong(Entry::end));
      checkCover(entries, bytes.byteSize() - dataStart);
      return new SafeTensorsHeader(entries, metadata, dataStart);
    }

    private void readMetadata(JsonParser json, Map<String, String> metadata) throws IOException {
      if (!json.isExpectedStartObjectToken()) throw corrupt("the metadata is no object");
      for (var key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
        if (json.nextToken() != JsonToken.VALUE_STRING) {
          throw corrupt("the metadata '%s' is no text".formatted(key));
        }
        metadata.put(key, json.getText());
      }
    }

    private void checkCover(List<Entry> entries, long size) throws IOException {
      long end = 0;
      for (var entry : entries) {
        if (entry.start() != end) {
          throw corrupt("'%s' begins at %d, not %d".formatted(entry.name(), entry.start(), end));
        }
        end = entry.end();
      }
      if (end != size) throw corrupt("it has %d bytes of data, not %d".formatted(size, end));
    }

    private Entry entry(String name, JsonParser json) throws IOException {
      if (!json.isExpectedStartObjectToken()) throw corrupt("'%s' is no object".formatted(name));
      Optional<DType> dtype = Optional.empty();
      Optional<List<Long>> shape = Optional.empty();
      var places = List.<Long>of();
      for (var field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
        json.nextToken();
        switch (field) {
          case "dtype" -> dtype = Optional.of(dtype(name, json));
          case "shape" -> shape = Optional.of(naturals(name, json));
          case "data_offsets" -> places = naturals(name, json);
          default -> json.skipChildren();
        }
      }
      if (dtype.isEmpty()) throw corrupt("'%s' has no dtype".formatted(name));
      if (shape.isEmpty()) throw corrupt("'%s' has no shape".formatted(name));
      if (places.size() != 2) throw corrupt("'%s' has the place %s".formatted(name, places));
      long start = places.getFirst();
      long end = places.getLast();
      try {
        var type = new TensorType(dtype.get(), Shape.of(shape.get()));
        if (end - start != type.bytes()) {
          throw corrupt("'%s' is %s, which is not %d bytes".formatted(name, type, end - start));
        }
        return new Entry(name, type, start, end);
      } catch (ArithmeticException | IllegalArgumentException e) {
        throw corrupt("'%s': %s".formatted(name, e.getMessage()));
      }
    }

    private DType dtype(String name, JsonParser json) throws IOException {
      var text = json.getText();
      if (json.currentToken() == JsonToken.VALUE_STRING && !text.isEmpty()) {
        for (var dtype : DType.values()) {
          if (SafeTensorsHeader.name(dtype).equals(text)) return dtype;
        }
      }
      throw corrupt("'%s' has dtype \"%s\"".formatted(name, text));
    }

    private List<Long> naturals(String name, JsonParser json) throws IOException {
      if (!json.isExpectedStartArrayToken()) {
        throw corrupt("'%s' has a shape or place of %s".formatted(name, json.getText()));
      }
      var numbers = new ArrayList<Long>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        boolean isLong =
            json.currentToken() == JsonToken.VALUE_NUMBER_INT
                && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
        if (!isLong || json.getLongValue() < 0) {
          throw corrupt("'%s' has a size or place of %s".formatted(name, json.getText()));
        }
        numbers.add(json.getLongValue());
      }
      return numbers;
    }

    private IOException corrupt(String what) {
      return new IOException("%s is no safetensors file: %s".formatted(file, what));
    }
  }
}
