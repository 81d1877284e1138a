package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What one sees of a training: the bar and the picture. */
class ViewsTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private ProgressBar bar(int columns) {
    return new ProgressBar(new PrintStream(bytes, true, StandardCharsets.UTF_8), columns);
  }

  private String shown() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static Progress step(long step) {
    return new Progress(0, step - 1, 2, step, 4, 0.5f, 0.1);
  }

  @Test
  void progressIsPlainLinesWhereNothingCanBeRedrawn() {
    var bar = bar(0);
    bar.afterStep(step(1));
    bar.afterStep(step(2));
    bar.afterValidation(step(2), Map.of("validation loss", 0.25));
    bar.afterEpoch(step(2), 0.375);
    assertTrue(shown().startsWith("epoch 1/2  loss 0.3750  validation loss 0.2500  "), shown());
    assertFalse(shown().contains("\r") && !shown().endsWith("\r\n"), shown());
    assertEquals(1, shown().lines().count());
  }

  @Test
  void theBarHasRateTimeLeftAndMetrics() throws InterruptedException {
    var bar = bar(100);
    bar.afterValidation(step(1), Map.of("validation loss", 0.25));
    bar.afterStep(step(1));
    Thread.sleep(120); // It is redrawn ten times a second.
    bar.afterStep(step(2));
    var line = shown().substring(shown().lastIndexOf('\r'));
    assertTrue(line.contains("step 2/4 " + "█".repeat(12) + "░".repeat(12)), line);
    assertTrue(line.matches("(?s).* \\d+\\.\\d steps/s  \\d+:\\d\\d left .*"), line);
    assertTrue(line.endsWith("loss 0.5000  validation loss 0.2500"), line);
  }

  @Test
  void theBarIsCutWhereTheTerminalEnds() {
    var bar = bar(30);
    bar.afterStep(step(1));
    assertEquals("step 1/4 ██████░░░░░░░░░░░░░░".length(), shown().length() - "\r\033[K".length());
  }

  @Test
  void curvesBecomeAPictureWithTrainingAndValidationInOnePanel() throws IOException {
    var history = new History();
    history.record("loss", 1, 1);
    history.record("loss", 2, 0.5);
    history.record("validation loss", 2, Double.NaN);
    history.record("validation loss", 2, 0.7);
    history.record("validation accuracy", 2, 0.9);
    var file = folder.resolve("sub").resolve("curves.png");
    CurvePlot.save(file, history);
    var picture = ImageIO.read(file.toFile());
    assertEquals(800, picture.getWidth());
    assertEquals(600, picture.getHeight());
    assertThrows(IllegalArgumentException.class, () -> CurvePlot.save(file, new History()));
  }
}
