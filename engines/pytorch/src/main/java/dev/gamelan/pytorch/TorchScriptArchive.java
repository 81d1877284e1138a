package dev.gamelan.pytorch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript archive as {@code torch.jit.load} reads it: a zip of stored entries with the source
 * of a class, a pickle of its one object, which has no state, and the format's version.
 */
final class TorchScriptArchive {
  /** A lower one is read with the meaning that ops had then. */
  private static final String VERSION = "10\n";

  /** An object of {@code __torch__.M} whose attribute {@code training} is false, by protocol 2. */
  private static final byte[] OBJECT =
      "\u0080\u0002c__torch__\nM\nq\u0000)\u0081}(X\u0008\u0000\u0000\u0000trainingq\u0001\u0089ubq\u0002."
          .getBytes(ISO_8859_1);

  private static final byte[] NO_CONSTANTS = {(byte) 0x80, 2, ')', '.'};

  private static final String HEADER =
      """
      class M(Module):
        __parameters__ = []
        __buffers__ = []
        training : bool
      """;

  private TorchScriptArchive() {}

  /**
   * @param methods source of the class's methods, indented by two
   */
  static byte[] of(String methods) {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      put(zip, "m/data.pkl", OBJECT);
      put(zip, "m/code/__torch__.py", (HEADER + methods).getBytes(UTF_8));
      put(zip, "m/constants.pkl", NO_CONSTANTS);
      put(zip, "m/version", VERSION.getBytes(UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void put(ZipOutputStream zip, String name, byte[] data) throws IOException {
    var crc = new CRC32();
    crc.update(data);
    var entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.length);
    entry.setCompressedSize(data.length);
    entry.setCrc(crc.getValue());
    entry.setTime(0);
    zip.putNextEntry(entry);
    zip.write(data);
    zip.closeEntry();
  }
}
