package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A training in a process of its own that is killed again and again, as by {@code kill -9}. */
class KillTest {
  private static final int KILLS = 20;
  private static final long EVERY = 5;

  @TempDir Path folder;

  private Process start(Path checkpoints, long steps, Path output) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-ea",
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            ResumableRun.class.getName(),
            checkpoints.toString(),
            Long.toString(steps))
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  private static long lastStep(Path output) throws IOException {
    return Files.readAllLines(output).stream()
        .filter(line -> line.matches("\\d+"))
        .mapToLong(Long::parseLong)
        .max()
        .orElse(0);
  }

  @Test
  void aKilledTrainingLosesAtMostTheStepsSinceItsCheckpointAndEndsBitForBit() throws Exception {
    var killed = folder.resolve("killed");
    var random = new SplittableRandom(1);
    long reached = 0;
    int withinTraining = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      var output = folder.resolve("output-" + kill);
      var process = start(killed, Long.MAX_VALUE, output);
      // From the first steps on, at any moment: of a step, a validation or a checkpoint.
      long first = reached;
      while (lastStep(output) <= first && process.isAlive()) Thread.sleep(2);
      Thread.sleep(random.nextInt(120));
      assertTrue(process.isAlive(), () -> read(output));
      process.destroyForcibly();
      assertTrue(process.waitFor(30, TimeUnit.SECONDS));
      assertNotEquals(0, process.exitValue());
      long last = lastStep(output);
      if (last > first) withinTraining++;
      try (var files = Files.newDirectoryStream(killed, "step-*.safetensors")) {
        for (var file : files) SafeTensors.read(file);
      }
      var run = new ResumableRun(killed);
      run.trainer().resume();
      reached = run.trainer().steps();
      // Step n is said before the checkpoint of step n is written.
      assertTrue(reached >= (last - 1) / EVERY * EVERY, "at %d of %d".formatted(reached, last));
    }
    assertEquals(KILLS, withinTraining);
    long end = reached + 12;
    var output = folder.resolve("output");
    assertEquals(0, start(killed, end, output).waitFor(), () -> read(output));
    var whole = new ResumableRun(folder.resolve("whole"));
    whole.trainer().trainSteps(whole.loader(), end);
    var name = "step-%09d.safetensors".formatted(end);
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("whole").resolve(name)),
        Files.readAllBytes(killed.resolve(name)));
    try (var files = Files.newDirectoryStream(killed, ".*.part")) {
      assertEquals(List.of(), StreamSupport.stream(files.spliterator(), false).toList());
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
