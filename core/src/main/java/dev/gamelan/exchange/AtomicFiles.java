package dev.gamelan.exchange;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.regex.Pattern;

/** Writes files that are there whole or not at all, whenever the process or the machine stops. */
public final class AtomicFiles {
  /** A buffer holds no more than 2 GiB, and a channel copies what is on the heap. */
  private static final long CHUNK = 1 << 20;

  private static final String SUFFIX = ".part";

  /** Ends in the process, a time, and the suffix. */
  private static final Pattern LEFTOVER = Pattern.compile("\\..*\\.(\\d{1,18})\\.-?\\d+\\.part");

  /** Fills a new file. */
  @FunctionalInterface
  public interface Writer {
    void write(FileChannel channel) throws IOException;
  }

  private AtomicFiles() {}

  /**
   * Writes a temporary file beside {@code target}, syncs it, renames it over {@code target} and
   * syncs the folder, which is made if need be. Where that fails, {@code target} is as it was.
   */
  public static void write(Path target, Writer writer) throws IOException {
    var folder = target.toAbsolutePath().getParent();
    if (folder == null) throw new IOException(target + " is a folder");
    createFolder(folder);
    var name =
        ".%s.%d.%d%s"
            .formatted(
                target.getFileName(), ProcessHandle.current().pid(), System.nanoTime(), SUFFIX);
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
    } catch (FileSystemException e) {
      throw e;
    } catch (IOException e) {
      // That of a full disk, for one, does not say what was written.
      throw new IOException("%s can't be written: %s".formatted(target, e.getMessage()), e);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  public static void write(Path target, byte[] bytes) throws IOException {
    write(target, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
  }

  /** Makes a folder, if it is not there yet. */
  public static void createFolder(Path folder) throws IOException {
    if (Files.isDirectory(folder)) return;
    if (Files.exists(folder)) throw new NotDirectoryException(folder.toString());
    Files.createDirectories(folder);
    var parent = folder.toAbsolutePath().getParent();
    if (parent != null) sync(parent);
  }

  /** Deletes what processes that were killed left half-written in {@code folder}. */
  public static void deleteLeftovers(Path folder) throws IOException {
    try (var files = Files.newDirectoryStream(folder, ".*" + SUFFIX)) {
      for (var file : files) {
        var name = LEFTOVER.matcher(file.getFileName().toString());
        if (name.matches() && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /** Writes all of it, where a channel may write a part. */
  public static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) channel.write(buffer);
  }

  /** Writes all of it, however long. */
  public static void writeFully(FileChannel channel, MemorySegment bytes) throws IOException {
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      long length = Math.min(CHUNK, bytes.byteSize() - at);
      writeFully(channel, buffer(bytes.asSlice(at, length)));
    }
  }

  private static ByteBuffer buffer(MemorySegment bytes) {
    // Views of float[] and the like can't be buffers of bytes.
    boolean direct = bytes.isNative() || bytes.heapBase().orElse("") instanceof byte[];
    return direct ? bytes.asByteBuffer() : ByteBuffer.wrap(bytes.toArray(ValueLayout.JAVA_BYTE));
  }

  private static void sync(Path folder) {
    try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows can't open folders; the rename itself is as safe as it gets there.
    }
  }
}
