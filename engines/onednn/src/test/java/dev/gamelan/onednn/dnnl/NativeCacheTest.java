package dev.gamelan.onednn.dnnl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.NativeCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On the smaller of the two libraries. */
class NativeCacheTest {
  private static final String RESOURCES = "org/bytedeco/dnnl/linux-x86_64/";
  private static final String LIBRARY = "libgomp.so.1";

  @TempDir Path folder;

  private static NativeCache.Root root(Path path) {
    return new NativeCache.Root(path, true);
  }

  private Path unpack() throws IOException {
    return new NativeCache(RESOURCES, "test", "a:b:1", List.of(root(folder)))
        .unpacked(List.of(LIBRARY));
  }

  @Test
  void aFileIsUnpackedOnce() throws IOException {
    var library = unpack().resolve(LIBRARY);
    var written = Files.getLastModifiedTime(library);
    assertEquals(written, Files.getLastModifiedTime(unpack().resolve(LIBRARY)));
    assertTrue(Files.size(library) > 100_000);
  }

  @Test
  void aFileThatWasCutOffIsUnpackedAgain() throws IOException {
    var library = unpack().resolve(LIBRARY);
    long whole = Files.size(library);
    Files.write(library, new byte[10]);
    assertEquals(whole, Files.size(unpack().resolve(LIBRARY)));
  }

  @Test
  void whatNobodyFinishedIsUnpackedAgain() throws IOException {
    var library = unpack().resolve(LIBRARY);
    Files.delete(library.resolveSibling("unpacked.properties"));
    Files.write(library, new byte[10]);
    assertTrue(Files.size(unpack().resolve(LIBRARY)) > 100_000);
  }

  @Test
  void severalAtOnceWaitForEachOther() throws Exception {
    try (var threads = Executors.newFixedThreadPool(4)) {
      var tasks = new ArrayList<Callable<Path>>();
      for (int i = 0; i < 4; i++) tasks.add(this::unpack);
      for (var done : threads.invokeAll(tasks)) {
        assertTrue(Files.size(done.get().resolve(LIBRARY)) > 100_000);
      }
    }
    try (var files = Files.list(folder.resolve("test"))) {
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".part")), "left behind");
    }
  }

  @Test
  void theNextFolderIsTakenWhereTheFirstCanNotBeWritten() throws IOException {
    var refused = Path.of("/proc/gamelan");
    var cache = new NativeCache(RESOURCES, "test", "a:b:1", List.of(root(refused), root(folder)));
    assertTrue(cache.unpacked(List.of(LIBRARY)).startsWith(folder));
  }

  @Test
  void whatIsNotOnTheClassPathIsNamed() {
    var cache = new NativeCache("org/nowhere/", "test", "a:b:1", List.of(root(folder)));
    var thrown = assertThrows(IOException.class, () -> cache.unpacked(List.of(LIBRARY)));
    assertEquals(
        "libgomp.so.1 is not on the class path; add the artifact a:b:1", thrown.getMessage());
  }
}
