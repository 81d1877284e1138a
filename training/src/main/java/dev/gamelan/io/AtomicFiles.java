package dev.gamelan.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Writes files that are there whole or not at all. */
final class AtomicFiles {
  /** Fills a new file. */
  @FunctionalInterface
  interface Writer {
    void write(FileChannel channel) throws IOException;
  }

  private AtomicFiles() {}

  /** A temporary file beside {@code target}, synced, renamed over it; then the folder is synced. */
  static void write(Path target, Writer writer) throws IOException {
    var folder = target.toAbsolutePath().getParent();
    if (folder == null) throw new IOException(target + " is a folder");
    Files.createDirectories(folder);
    var name =
        ".%s.%d.%d.part"
            .formatted(target.getFileName(), ProcessHandle.current().pid(), System.nanoTime());
    var temporary = folder.resolve(name);
    try {
      try (var channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        writer.write(channel);
        channel.force(true);
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      sync(folder);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static void sync(Path folder) {
    try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows can't open folders; the rename itself is as safe as it gets there.
    }
  }
}
