package dev.gamelan.io;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What an NPY file says of itself: a Python dictionary with exactly the keys descr, fortran_order
 * and shape.
 *
 * @param length of the header in bytes, all before the elements
 */
record NpyHeader(TensorType type, boolean bigEndian, boolean columnMajor, long length) {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int ALIGNMENT = 64;
  private static final int MAX_LENGTH = 1 << 16;
  private static final int MAX_RANK = 64;

  private static final Pattern ENTRY =
      Pattern.compile(
          "\\s*(?:'(\\w+)'|\"(\\w+)\")\\s*:\\s*('[^']*'|\"[^\"]*\"|True|False|\\([^()]*\\))\\s*(,?)");

  static byte[] encode(TensorType type) {
    var name = Npy.name(type.dtype());
    if (name.isEmpty()) {
      throw new IllegalArgumentException(
          "npy has no %s; convert it first, or write safetensors".formatted(type.dtype()));
    }
    var order = type.dtype().bits() == 8 ? "|" : "<";
    var dims = type.shape().toList();
    var sizes = dims.stream().map(String::valueOf).collect(Collectors.joining(", "));
    var text =
        "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s%s), }"
            .formatted(order, name, sizes, dims.size() == 1 ? "," : "");
    int before = MAGIC.length + 4;
    int length = Math.ceilDiv(before + text.length() + 1, ALIGNMENT) * ALIGNMENT;
    var bytes = new byte[length];
    Arrays.fill(bytes, (byte) ' ');
    bytes[length - 1] = '\n';
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .put((byte) 1)
        .put((byte) 0)
        .putShort((short) (length - before))
        .put(text.getBytes(StandardCharsets.US_ASCII));
    return bytes;
  }

  /** Reads up to the first element. */
  static NpyHeader read(InputStream in, String name) throws IOException {
    var begin = in.readNBytes(MAGIC.length + 2);
    if (begin.length < MAGIC.length + 2
        || !Arrays.equals(MAGIC, Arrays.copyOf(begin, MAGIC.length))) {
      throw corrupt(name, "it does not begin with \\x93NUMPY");
    }
    int version = begin[MAGIC.length];
    if (version < 1 || version > 3) throw corrupt(name, "its version is " + version);
    int width = version == 1 ? 2 : 4;
    var lengthBytes = Arrays.copyOf(in.readNBytes(width), 4);
    long length =
        ByteBuffer.wrap(lengthBytes).order(ByteOrder.LITTLE_ENDIAN).getInt() & 0xffff_ffffL;
    if (length > MAX_LENGTH) throw corrupt(name, "its header has %d bytes".formatted(length));
    var text = in.readNBytes((int) length);
    if (text.length < length) throw corrupt(name, "it ends in its header");
    return parse(new String(text, StandardCharsets.UTF_8), name, MAGIC.length + 2 + width + length);
  }

  private static NpyHeader parse(String text, String name, long length) throws IOException {
    var dictionary = text.strip();
    if (!dictionary.startsWith("{") || !dictionary.endsWith("}")) {
      throw corrupt(name, "its header is no dictionary");
    }
    String descr = null;
    String order = null;
    String shape = null;
    var inside = dictionary.substring(1, dictionary.length() - 1);
    var entries = ENTRY.matcher(inside);
    int at = 0;
    boolean more = true;
    while (more && at < inside.length() && entries.find(at) && entries.start() == at) {
      var key = entries.group(1) != null ? entries.group(1) : entries.group(2);
      var value = entries.group(3);
      switch (key) {
        case "descr" -> descr = value;
        case "fortran_order" -> order = value;
        case "shape" -> shape = value;
        default -> throw corrupt(name, "its header has the key '%s'".formatted(key));
      }
      at = entries.end();
      more = !entries.group(4).isEmpty();
    }
    if (descr == null || order == null || shape == null || !inside.substring(at).isBlank()) {
      throw corrupt(name, "its header is " + dictionary);
    }
    if (!order.equals("True") && !order.equals("False")) {
      throw corrupt(name, "its fortran_order is " + order);
    }
    var code = descr.substring(1, descr.length() - 1);
    return typed(code, shape, order.equals("True"), name, length);
  }

  private static NpyHeader typed(
      String code, String shape, boolean columnMajor, String name, long length) throws IOException {
    if (code.length() == 3 && "<>|=".indexOf(code.charAt(0)) >= 0) {
      for (var dtype : DType.values()) {
        if (!code.substring(1).equals(Npy.name(dtype))) continue;
        try {
          var type = new TensorType(dtype, Shape.of(dims(shape, name)));
          if (type.bytes() < 0) throw new ArithmeticException("overflow");
          return new NpyHeader(type, code.charAt(0) == '>', columnMajor, length);
        } catch (ArithmeticException | IllegalArgumentException e) {
          throw corrupt(name, "its shape is %s: %s".formatted(shape, e.getMessage()));
        }
      }
    }
    throw corrupt(name, "its dtype is '%s'; save it as a plain number or bool".formatted(code));
  }

  private static List<Long> dims(String shape, String name) throws IOException {
    var inside = shape.substring(1, shape.length() - 1).strip();
    if (inside.endsWith(",")) inside = inside.substring(0, inside.length() - 1);
    var dims = new ArrayList<Long>();
    if (inside.isBlank()) return dims;
    for (var size : inside.split(",", -1)) {
      var digits = size.strip();
      if (!digits.matches("\\d{1,18}") || dims.size() == MAX_RANK) {
        throw corrupt(name, "its shape is " + shape);
      }
      dims.add(Long.parseLong(digits));
    }
    return dims;
  }

  private static IOException corrupt(String name, String what) {
    return new IOException("%s is no NPY file of numbers: %s".formatted(name, what));
  }
}
