package dev.gamelan.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A TorchScript file of one module without state: a zip whose entries are stored. */
final class TorchScriptArchive {
  /** The module as a pickle: an object of class __torch__.M with the attribute training = False. */
  private static final byte[] MODULE =
      "\u0080\u0002c__torch__\nM\nq\0)\u0081}(X\u0008\0\0\0trainingq\u0001\u0089ubq\u0002."
          .getBytes(StandardCharsets.ISO_8859_1);

  /** An empty tuple as a pickle. */
  private static final byte[] NO_CONSTANTS = "\u0080\u0002).".getBytes(StandardCharsets.ISO_8859_1);

  private TorchScriptArchive() {}

  /**
   * @param methods in TorchScript, indented as members of a class
   */
  static byte[] of(String methods) throws IOException {
    var source =
        "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
            + methods;
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      put(zip, "m/data.pkl", MODULE);
      put(zip, "m/code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
      put(zip, "m/constants.pkl", NO_CONSTANTS);
      put(zip, "m/version", "10\n".getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static void put(ZipOutputStream zip, String name, byte[] data) throws IOException {
    var checksum = new CRC32();
    checksum.update(data);
    var entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.length);
    entry.setCrc(checksum.getValue());
    zip.putNextEntry(entry);
    zip.write(data);
    zip.closeEntry();
  }
}
