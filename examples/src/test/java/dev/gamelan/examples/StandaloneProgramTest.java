package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A short program outside of the project, compiled and run as its users would, without JVM flags.
 */
class StandaloneProgramTest {
  private static final String XOR = "i32[4] [0, 1, 1, 0]";

  @TempDir Path folder;

  @Test
  void itTrainsAndPredictsOnTheClassPath() throws Exception {
    var path = path();
    run("javac", "-cp", path, "-d", folder.toString(), source("Xor.java"));
    assertEquals(XOR, run("java", "-cp", path + File.pathSeparator + folder, "xor.Xor"));
  }

  @Test
  void itTrainsAndPredictsOnTheModulePath() throws Exception {
    var path = path();
    run(
        "javac",
        "-p",
        path,
        "-d",
        folder.toString(),
        source("Xor.java"),
        source("module-info.java"));
    assertEquals(XOR, run("java", "-p", path + File.pathSeparator + folder, "-m", "xor/xor.Xor"));
  }

  private static String source(String name) {
    return Path.of("src", "test", "resources", "standalone", name).toString();
  }

  /** What a dependency on gamelan-training brings: nothing of tests or of this module. */
  private static String path() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !entry.contains("examples") && !entry.contains("junit"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static String run(String tool, String... arguments)
      throws IOException, InterruptedException {
    var command =
        new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", tool).toString()));
    command.addAll(List.of(arguments));
    var output = Files.createTempFile("standalone", ".txt");
    var process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    int status = process.waitFor();
    var text = Files.readString(output).strip();
    Files.delete(output);
    assertEquals(0, status, text);
    return text;
  }
}
