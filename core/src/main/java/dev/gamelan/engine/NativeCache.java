package dev.gamelan.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;

/**
 * Native libraries out of a jar on the class path, unpacked once to a folder of their version. A
 * file appears there whole or not at all, and a record of sizes and checksums last; processes that
 * start at once wait for each other. Where the home directory can't be written, a private folder
 * for temporary files takes its place.
 */
public final class NativeCache {
  private static final String RECORD = "unpacked.properties";
  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final String resources;
  private final String folder;
  private final String artifact;
  private final List<Root> roots;

  /** A folder for caches; in one that is shared another user may have put files first. */
  public record Root(Path path, boolean shared) {}

  /**
   * In the user's cache folder, or where {@code gamelan.cache} says.
   *
   * @param folder for this version of the files
   * @param artifact that has them, for the error
   */
  public NativeCache(String resources, String folder, String artifact) {
    this(resources, folder, artifact, roots());
  }

  /** In the first of {@code roots} that can be used. */
  public NativeCache(String resources, String folder, String artifact, List<Root> roots) {
    this.resources = resources;
    this.folder = folder;
    this.artifact = artifact;
    this.roots = List.copyOf(roots);
  }

  /** The folder with {@code files} in it. */
  public Path unpacked(List<String> files) throws IOException {
    var refused = new IOException("no folder for a cache");
    for (var root : roots) {
      try {
        var into = root.path.resolve(folder);
        Files.createDirectories(into, OWNER_ONLY);
        if (root.shared) checkOwner(into);
        if (!isComplete(into, files)) unpack(into, files);
        return into;
      } catch (IOException e) {
        refused = e;
      }
    }
    throw refused;
  }

  /**
   * The folder of {@code file} where something in this process has loaded it already: most
   * libraries can't be there twice.
   */
  public static Optional<Path> loaded(String file) throws IOException {
    var maps = Path.of("/proc/self/maps");
    if (!Files.isReadable(maps)) return Optional.empty();
    try (var lines = Files.lines(maps)) {
      return lines
          .filter(line -> line.endsWith("/" + file))
          .map(line -> Path.of(line.substring(line.indexOf('/'))).getParent())
          .findFirst();
    }
  }

  private static List<Root> roots() {
    var named = System.getProperty("gamelan.cache");
    if (named != null) return List.of(new Root(Path.of(named), false));
    var xdg = System.getenv("XDG_CACHE_HOME");
    var home = System.getProperty("user.home");
    var cache = xdg != null && !xdg.isBlank() ? Path.of(xdg) : Path.of(home, ".cache");
    var temporary = Path.of(System.getProperty("java.io.tmpdir"));
    return List.of(
        new Root(cache.resolve("gamelan"), false),
        new Root(temporary.resolve("gamelan-" + System.getProperty("user.name")), true));
  }

  /** Whether it is ours: owned by who owns a file that we make there. */
  private static void checkOwner(Path folder) throws IOException {
    var probe = Files.createTempFile(folder, "owner", ".part");
    try {
      if (!Files.getOwner(folder).equals(Files.getOwner(probe))) {
        throw new IOException(folder + " belongs to someone else");
      }
    } finally {
      Files.delete(probe);
    }
  }

  private static boolean isComplete(Path folder, List<String> files) throws IOException {
    var record = folder.resolve(RECORD);
    if (!Files.isRegularFile(record)) return false;
    var sizes = new Properties();
    try (var in = Files.newInputStream(record)) {
      sizes.load(in);
    }
    for (var file : files) {
      var path = folder.resolve(file);
      if (!Files.isRegularFile(path)) return false;
      if (!Long.toString(Files.size(path)).equals(sizes.getProperty(file + ".bytes"))) return false;
    }
    return true;
  }

  private void unpack(Path folder, List<String> files) throws IOException {
    try (var channel =
            FileChannel.open(
                folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        var lock = lock(channel)) {
      if (!lock.isValid() || isComplete(folder, files)) return;
      var record = new Properties();
      for (var file : files) {
        var checksum = unpack(folder, file);
        record.setProperty(file + ".sha256", checksum);
        record.setProperty(file + ".bytes", Long.toString(Files.size(folder.resolve(file))));
      }
      var written = Files.createTempFile(folder, "record", ".part");
      try (var out = Files.newOutputStream(written)) {
        record.store(out, artifact);
      }
      Files.move(written, folder.resolve(RECORD), StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** Another class loader of this process may hold it, which the file system does not see. */
  private static FileLock lock(FileChannel channel) throws IOException {
    while (true) {
      try {
        return channel.lock();
      } catch (OverlappingFileLockException e) {
        LockSupport.parkNanos(10_000_000);
      }
    }
  }

  /** The checksum of what was written and read again. */
  private String unpack(Path folder, String file) throws IOException {
    var part = Files.createTempFile(folder, file, ".part");
    try (var in = open(file)) {
      var digest = sha256();
      try (var summed = new DigestInputStream(in, digest)) {
        Files.copy(summed, part, StandardCopyOption.REPLACE_EXISTING);
      }
      var expected = HexFormat.of().formatHex(digest.digest());
      if (!checksum(part).equals(expected)) {
        throw new IOException(part + " is not what was written to it; is the disk full?");
      }
      Files.move(part, folder.resolve(file), StandardCopyOption.ATOMIC_MOVE);
      return expected;
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private InputStream open(String file) throws IOException {
    var stream = ClassLoader.getSystemResourceAsStream(resources + file);
    if (stream == null) {
      stream = NativeCache.class.getClassLoader().getResourceAsStream(resources + file);
    }
    if (stream == null) {
      throw new IOException(
          "%s is not on the class path; add the artifact %s".formatted(file, artifact));
    }
    return stream;
  }

  private static String checksum(Path file) throws IOException {
    var digest = sha256();
    try (var in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // Every JVM has it.
    }
  }
}
