package dev.gamelan.onnx.proto;

import dev.gamelan.onnx.OnnxException;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A tensor in a file. Its elements lie in {@code raw}, or one by one in {@code words} (each the
 * bits or the integer of one element), or in another file.
 *
 * @param external where the elements lie in another file: location, offset, length; else null
 */
public record TensorProto(
    String name,
    int elementType,
    List<Long> dims,
    @Nullable MemorySegment raw,
    LongBuffer words,
    @Nullable Map<String, String> external) {
  static final TensorProto EMPTY =
      new TensorProto("", 0, List.of(), null, LongBuffer.allocate(0), null);

  private static final int EXTERNAL = 1;

  /** Reads files that hold nothing but one tensor, too. */
  public static TensorProto parse(WireReader in) {
    var name = "";
    int elementType = 0;
    var dims = new ArrayList<Long>();
    MemorySegment raw = null;
    var words = new LongList();
    var external = new HashMap<String, String>();
    boolean isExternal = false;
    while (in.next()) {
      switch (in.field()) {
        case 1 -> in.integers(dims::add);
        case 2 -> elementType = (int) in.integer();
        case 4 -> in.words(words::add);
        case 5, 7, 11 -> in.integers(words::add);
        case 8 -> name = in.text();
        case 9 -> raw = in.bytes();
        case 10 -> in.longWords(words::add);
        case 13 -> in.message(message -> entry(message, external));
        case 14 -> isExternal = in.integer() == EXTERNAL;
        default -> in.skip();
      }
    }
    return new TensorProto(
        name, elementType, dims, raw, words.toBuffer(), isExternal ? external : null);
  }

  private static Map<String, String> entry(WireReader in, Map<String, String> entries) {
    var key = "";
    var value = "";
    while (in.next()) {
      switch (in.field()) {
        case 1 -> key = in.text();
        case 2 -> value = in.text();
        default -> in.skip();
      }
    }
    entries.put(key, value);
    return entries;
  }

  /**
   * The type.
   *
   * @throws OnnxException if the library has no such dtype, or there is no such shape
   */
  public TensorType type() {
    var dtype =
        ElementType.dtype(elementType)
            .orElseThrow(
                () ->
                    new OnnxException(
                        "tensor '%s' has elements of %s, which are no numbers that Gamelan has"
                            .formatted(name, ElementType.name(elementType))));
    try {
      var type = new TensorType(dtype, Shape.of(dims));
      type.bytes();
      return type;
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new OnnxException("tensor '%s': %s".formatted(name, e.getMessage()), e);
    }
  }

  /**
   * The bytes of the elements if they are in this message: little-endian, packed below 8 bits. A
   * view where they lie so in the file.
   *
   * @throws OnnxException if they are not as many as the type needs
   */
  public MemorySegment bytes() {
    var type = type();
    var bytes = raw != null ? raw : type.dtype().bits() < 8 ? packed() : unpacked(type);
    if (bytes.byteSize() != type.bytes()) {
      throw new OnnxException(
          "tensor '%s' is %s and takes %d bytes; the file has %d"
              .formatted(name, type, type.bytes(), bytes.byteSize()));
    }
    return bytes;
  }

  private MemorySegment unpacked(TensorType type) {
    int size = type.dtype().bits() / 8;
    if (words.limit() != type.size()) {
      throw new OnnxException(
          "tensor '%s' is %s and has %d elements; the file has %d"
              .formatted(name, type, type.size(), words.limit()));
    }
    var buffer =
        ByteBuffer.allocate(Math.multiplyExact(words.limit(), size)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < words.limit(); i++) {
      long word = words.get(i);
      switch (size) {
        case 1 -> buffer.put((byte) word);
        case 2 -> buffer.putShort((short) word);
        case 4 -> buffer.putInt((int) word);
        default -> buffer.putLong(word);
      }
    }
    return MemorySegment.ofArray(buffer.array());
  }

  /** A word holds as many elements as fill a byte. */
  private MemorySegment packed() {
    var bytes = new byte[words.limit()];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) words.get(i);
    return MemorySegment.ofArray(bytes);
  }
}
