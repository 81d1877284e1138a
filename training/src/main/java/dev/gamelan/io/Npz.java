package dev.gamelan.io;

import dev.gamelan.exchange.AtomicFiles;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** NumPy's format for several arrays: a zip archive of NPY files. */
public final class Npz {
  private static final String SUFFIX = ".npy";
  private static final int CHUNK = 1 << 20;
  private static final LocalDateTime EPOCH = LocalDateTime.of(1980, 1, 1, 0, 0);

  private Npz() {}

  /**
   * All arrays, by name, in the order of the archive.
   *
   * @throws IOException if it is no archive of NPY files
   */
  public static Map<String, HostArray> read(Path file) throws IOException {
    var arrays = new LinkedHashMap<String, HostArray>();
    try (var zip = new ZipFile(file.toFile())) {
      for (var entry : Collections.list(zip.entries())) {
        var name = entry.getName();
        if (!name.endsWith(SUFFIX)) {
          throw new IOException("%s: '%s' is no array".formatted(file, name));
        }
        try (var in = new BufferedInputStream(zip.getInputStream(entry))) {
          var array = Npy.read(in, "%s of %s".formatted(name, file));
          if (in.read() >= 0) {
            throw new IOException("%s of %s goes on after its data".formatted(name, file));
          }
          if (arrays.put(name.substring(0, name.length() - SUFFIX.length()), array) != null) {
            throw new IOException("%s has '%s' twice".formatted(file, name));
          }
        }
      }
    } catch (ZipException | EOFException | IllegalArgumentException e) {
      // ZipFile reports names that it can't decode as illegal arguments.
      throw new IOException("%s is no NPZ file: %s".formatted(file, e), e);
    }
    return arrays;
  }

  /** Writes atomically, without compression, as {@code numpy.savez} does. */
  public static void write(Path file, Map<String, HostArray> arrays) throws IOException {
    AtomicFiles.write(
        file,
        channel -> {
          var out = new BufferedOutputStream(Channels.newOutputStream(channel), CHUNK);
          var zip = new ZipOutputStream(out);
          zip.setMethod(ZipOutputStream.STORED);
          for (var array : arrays.entrySet()) write(zip, array.getKey(), array.getValue());
          zip.finish();
          out.flush();
        });
  }

  private static void write(ZipOutputStream zip, String name, HostArray array) throws IOException {
    var header = NpyHeader.encode(array.type());
    var checksum = new CRC32();
    checksum.update(header);
    forEachChunk(array.bytes(), checksum::update);
    var entry = new ZipEntry(name + SUFFIX);
    entry.setSize(header.length + array.bytes().byteSize());
    entry.setCrc(checksum.getValue());
    entry.setTimeLocal(EPOCH); // The same arrays, the same bytes.
    zip.putNextEntry(entry);
    zip.write(header);
    forEachChunk(array.bytes(), zip::write);
    zip.closeEntry();
  }

  /** Takes a piece of a segment. */
  @FunctionalInterface
  private interface Sink {
    void take(byte[] chunk) throws IOException;
  }

  private static void forEachChunk(MemorySegment bytes, Sink sink) throws IOException {
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      long length = Math.min(CHUNK, bytes.byteSize() - at);
      sink.take(bytes.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE));
    }
  }
}
