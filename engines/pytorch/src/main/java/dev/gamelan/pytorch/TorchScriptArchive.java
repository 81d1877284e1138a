package dev.gamelan.pytorch;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.gamelan.type.TensorType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript archive as {@code torch.jit.load} reads it: a zip of stored entries with the source
 * of a class, a pickle of its one object with the elements of its tensors, and the format's
 * version.
 */
final class TorchScriptArchive {
  /** A lower one is read with the meaning that ops had then. */
  private static final String VERSION = "10\n";

  private static final int PIECE = 1 << 16;

  private static final byte[] NO_CONSTANTS = {(byte) 0x80, 2, ')', '.'};

  private TorchScriptArchive() {}

  /** A tensor of the module, of a dtype that PyTorch has. */
  record Attribute(String name, TensorType type, MemorySegment bytes) {}

  /**
   * Of a module without tensors.
   *
   * @param methods source of the class's methods, indented by two
   */
  static byte[] of(String methods) {
    var bytes = new ByteArrayOutputStream();
    try {
      write(bytes, methods, List.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * Leaves {@code out} open.
   *
   * @param methods source of the class's methods, indented by two
   */
  static void write(OutputStream out, String methods, List<Attribute> attributes)
      throws IOException {
    var zip = new ZipOutputStream(out);
    put(zip, "m/data.pkl", ModulePickle.of(attributes));
    put(zip, "m/code/__torch__.py", (header(attributes) + methods).getBytes(UTF_8));
    for (int i = 0; i < attributes.size(); i++) {
      put(zip, "m/data/" + i, attributes.get(i).bytes());
    }
    put(zip, "m/constants.pkl", NO_CONSTANTS);
    put(zip, "m/version", VERSION.getBytes(UTF_8));
    zip.finish();
    out.flush();
  }

  /** Weights are buffers: what trains them is not the file's business. */
  private static String header(List<Attribute> attributes) {
    var names = attributes.stream().map(a -> "\"%s\", ".formatted(a.name()));
    var fields = attributes.stream().map(a -> "  %s : Tensor\n".formatted(a.name()));
    return """
        class M(Module):
          __parameters__ = []
          __buffers__ = [%s]
          training : bool
        %s"""
        .formatted(names.collect(Collectors.joining()), fields.collect(Collectors.joining()));
  }

  private static void put(ZipOutputStream zip, String name, byte[] data) throws IOException {
    put(zip, name, MemorySegment.ofArray(data));
  }

  /** Stored, as PyTorch maps it, piece by piece. */
  private static void put(ZipOutputStream zip, String name, MemorySegment data) throws IOException {
    var crc = new CRC32();
    for (var piece : pieces(data)) crc.update(piece);
    var entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.byteSize());
    entry.setCompressedSize(data.byteSize());
    entry.setCrc(crc.getValue());
    entry.setTime(0);
    zip.putNextEntry(entry);
    var bytes = new byte[PIECE];
    for (var piece : pieces(data)) {
      int length = piece.remaining();
      piece.get(bytes, 0, length);
      zip.write(bytes, 0, length);
    }
    zip.closeEntry();
  }

  private static List<ByteBuffer> pieces(MemorySegment data) {
    return LongStream.iterate(0, at -> at < data.byteSize(), at -> at + PIECE)
        .mapToObj(at -> data.asSlice(at, Math.min(PIECE, data.byteSize() - at)).asByteBuffer())
        .toList();
  }
}
