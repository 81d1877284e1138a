package dev.gamelan.onnx;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Unpacks a .tar.gz of small files: POSIX headers of 512 bytes. */
final class TarArchive {
  private static final int BLOCK = 512;

  private TarArchive() {}

  static void unpack(Path archive, Path folder) throws IOException {
    try (var in =
        new BufferedInputStream(new GZIPInputStream(Files.newInputStream(archive)), 1 << 16)) {
      var longName = "";
      while (true) {
        var header = in.readNBytes(BLOCK);
        if (header.length < BLOCK || header[0] == 0) return;
        var prefix = text(header, 345, 155);
        var name = (prefix.isEmpty() ? "" : prefix + "/") + text(header, 0, 100);
        int size = Integer.parseInt(text(header, 124, 12).strip(), 8);
        var contents = content(in, size);
        // GNU's way to write a name of more than 100 bytes: as the contents of a file before.
        if (header[156] == 'L') {
          longName = text(contents, 0, size);
          continue;
        }
        if (!longName.isEmpty()) name = longName;
        longName = "";
        if (header[156] != '0' && header[156] != 0) continue;
        var file = folder.resolve(name).normalize();
        if (!file.startsWith(folder)) throw new IOException(name + " is outside of the folder");
        Files.createDirectories(file.getParent());
        Files.write(file, contents);
      }
    }
  }

  private static byte[] content(InputStream in, int size) throws IOException {
    var contents = in.readNBytes(size);
    in.skipNBytes((BLOCK - size % BLOCK) % BLOCK);
    return contents;
  }

  private static String text(byte[] header, int from, int length) {
    int end = from;
    while (end < from + length && header[end] != 0) end++;
    return new String(header, from, end - from, StandardCharsets.UTF_8);
  }
}
