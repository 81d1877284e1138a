package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Engines;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Resident memory after 100,000 more evaluations is what it was after the first 20,000. In a JVM of
 * its own with a small heap, which a leak of a few hundred bytes an evaluation would show in.
 */
class FlatMemoryTest {
  private static final int WARM_UP = 20_000;
  private static final int EVALUATIONS = 100_000;
  private static final long ALLOWED_KIB = 32 << 10;

  @ParameterizedTest
  @ValueSource(strings = {"reference:0", "strict:0"})
  @EnabledOnOs(OS.LINUX)
  void aHundredThousandEvaluationsKeepResidentMemoryFlat(String device)
      throws IOException, InterruptedException {
    var output = Files.createTempFile("flat-memory", ".txt");
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var path = System.getProperty("java.class.path");
    var process =
        new ProcessBuilder(java, "-Xmx192m", "-cp", path, FlatMemoryTest.class.getName(), device)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    int status = process.waitFor();
    var text = Files.readString(output).strip();
    assertEquals(0, status, text);
    var kib = Arrays.stream(text.split(" ")).mapToLong(Long::parseLong).toArray();
    assertTrue(kib[1] - kib[0] < ALLOWED_KIB, "from %d to %d KiB".formatted(kib[0], kib[1]));
  }

  /** Prints the resident KiB before and after. */
  public static void main(String[] arguments) throws IOException {
    loop(arguments[0], WARM_UP);
    long before = residentKib();
    loop(arguments[0], EVALUATIONS);
    long after = residentKib();
    long budget = Engines.budget(Engines.device(arguments[0])).used();
    if (budget > 64 << 20) throw new IllegalStateException("buffers pile up: " + budget);
    System.out.println(before + " " + after);
  }

  private static void loop(String device, int evaluations) {
    Devices.use(
        device,
        () -> {
          for (int i = 0; i < evaluations; i++) {
            float sum = Tensor.of(new float[] {1, 1}).add(0.5).sum().toFloat();
            if (sum != 3) throw new IllegalStateException("1.5 + 1.5 = " + sum);
          }
          return true;
        });
  }

  private static long residentKib() throws IOException {
    for (var line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("\\D", ""));
    }
    throw new IOException("no VmRSS");
  }
}
