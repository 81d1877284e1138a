package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DigitsTest {
  @TempDir Path folder;

  @Test
  void threeEpochsLearnMostDigitsAndTwoRunsAgree() throws IOException {
    var arguments =
        new String[] {"digits", "--epochs", "3", "--seed", "2", "--out", folder.toString()};
    var first = Commands.output(arguments);
    var last = first.lines().reduce((a, b) -> b).orElseThrow();
    assertTrue(last.matches("test accuracy 0\\.\\d{4}"), last);
    assertTrue(Double.parseDouble(last.substring(14)) > 0.9, last);
    var weights = SafeTensors.read(folder.resolve("digits.safetensors"));
    assertEquals("f32[16,1,3,3]", weights.get("0.weight").type().toString());
    assertTrue(Files.size(folder.resolve("curves.png")) > 1000);
    assertTrue(Commands.output(arguments).endsWith(first.substring(first.indexOf("true \\"))));
  }

  @Test
  void theDoctorNamesTheDefaultDevice() {
    var text = Commands.output("doctor");
    assertTrue(text.contains("reference:0"), text);
    assertTrue(text.lines().anyMatch(line -> line.startsWith("default")), text);
  }

  @Test
  void aWrongEngineIsOneLineWithTheRemedy() {
    var error = Commands.error("digits", "--engine", "vortex");
    assertTrue(error.contains("no engine is called 'vortex'"), error);
  }
}
