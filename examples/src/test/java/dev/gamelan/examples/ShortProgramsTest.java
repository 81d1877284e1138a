package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShortProgramsTest {
  @TempDir Path folder;

  private static double number(String text, String pattern) {
    var found = Pattern.compile(pattern).matcher(text);
    assertTrue(found.find(), text);
    return Double.parseDouble(found.group(1));
  }

  @Test
  void theRegressionExplainsMostOfThePrices() throws IOException {
    var text = Commands.lastLine(Commands.output("regression", "--out", folder.toString()));
    assertTrue(number(text, "R² (\\S+)") > 0.95, text);
    assertEquals(801, Files.readAllLines(folder.resolve("flats.csv")).size());
  }

  @Test
  void theSequencesAreJudgedBetterThanByChance() {
    var text = Commands.lastLine(Commands.output("sequences"));
    assertTrue(number(text, "(0\\.\\d+|1\\.0+) judged") > 0.85, text);
  }

  @Test
  void theAutoencoderDraws() throws IOException {
    var text =
        Commands.lastLine(
            Commands.output("autoencoder", "--epochs", "3", "--out", folder.toString()));
    // Without learning, a grey of one half everywhere is off by more than 0.2.
    assertTrue(number(text, "error (\\S+);") < 0.08, text);
    var picture = ImageIO.read(folder.resolve("digits.png").toFile());
    assertEquals(960, picture.getWidth());
    assertEquals(160, picture.getHeight());
  }

  @Test
  void theLoopByHandFits() {
    var text = Commands.lastLine(Commands.output("customloop"));
    assertTrue(number(text, "to (\\S+) on") < 0.1, text);
  }
}
