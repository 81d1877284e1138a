package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineProvider;
import dev.gamelan.engine.Engines;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Three seconds of what {@code ./gamelan soak} does at length, each in a JVM of its own. */
class SoakTest {
  private static final List<String> ENGINES =
      Engines.providers().stream()
          .filter(provider -> provider.priority() > 0 && provider.missing().isEmpty())
          .map(EngineProvider::name)
          .toList();

  @TestFactory
  Stream<DynamicTest> allEnginesLiveInOneJvmWhicheverIsLoadedFirst() {
    return IntStream.range(0, ENGINES.size())
        .mapToObj(
            first ->
                DynamicTest.dynamicTest(
                    ENGINES.get(first) + " first",
                    () -> {
                      var order = new ArrayList<>(ENGINES);
                      Collections.rotate(order, -first);
                      soak("together", "--engines", String.join(",", order), "--seconds", "3");
                    }));
  }

  @Test
  void threadsThatCallOneExecutableGetTheirOwnResults() throws Exception {
    soak("concurrency", "--seconds", "3");
  }

  @Test
  void memoryStaysFlat() throws Exception {
    soak("memory", "--steps", "4000");
  }

  private static void soak(String... arguments) throws IOException, InterruptedException {
    var command =
        new ArrayList<>(
            List.of(
                "%s/bin/java".formatted(System.getProperty("java.home")),
                "-Xms512m",
                "-Xmx512m",
                "-XX:+AlwaysPreTouch",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.gamelan.examples.Gamelan",
                "soak"));
    command.addAll(List.of(arguments));
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    assertTrue(output.contains(": ok"), output);
  }
}
