package dev.gamelan.exchange;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path folder;

  @Test
  void aFileThatCantBeWrittenIsAsItWas() throws IOException {
    var file = folder.resolve("kept");
    AtomicFiles.write(file, new byte[] {1});
    var error =
        assertThrows(
            IOException.class,
            () ->
                AtomicFiles.write(
                    file,
                    channel -> {
                      channel.write(ByteBuffer.wrap(new byte[100]));
                      throw new IOException("No space left on device");
                    }));
    assertTrue(
        error.getMessage().endsWith("kept can't be written: No space left on device"),
        error.getMessage());
    assertArrayEquals(new byte[] {1}, Files.readAllBytes(file));
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void aFileInThePlaceOfAFolderIsNamed() throws IOException {
    var file = Files.write(folder.resolve("file"), new byte[1]);
    var error =
        assertThrows(
            FileSystemException.class, () -> AtomicFiles.write(file.resolve("x"), new byte[1]));
    assertEquals(file.toString(), error.getFile());
  }

  @Test
  void whatKilledProcessesLeftIsDeletedAndNothingElse() throws Exception {
    var process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-version")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    process.waitFor();
    var dead = ".a.safetensors.%d.1.part".formatted(process.pid());
    var running = ".a.safetensors.%d.1.part".formatted(ProcessHandle.current().pid());
    var kept = List.of(running, ".notes.part", "a.part", "a.safetensors");
    Files.createFile(folder.resolve(dead));
    for (var name : kept) Files.createFile(folder.resolve(name));
    AtomicFiles.deleteLeftovers(folder);
    try (var files = Files.list(folder)) {
      assertEquals(kept, files.map(f -> f.getFileName().toString()).sorted().toList());
    }
  }
}
