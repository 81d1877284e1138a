package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With one seed a training goes the same way on every engine. */
class EnginesAgreeTest {
  private static final Pattern LOSS = Pattern.compile("epoch 1/1 +loss ([0-9.]+)");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"onednn", "pytorch", "tensorflow", "mxnet"})
  void theFirstEpochOfDigitsLosesWhatItLosesOnTheReference(String engine) {
    double expected = lossOf("reference");
    assertEquals(expected, lossOf(engine), 1e-3 * expected);
  }

  @Test
  void doctorNamesEveryEngineWithItsLibrary() {
    var text = Commands.output("doctor");
    for (var line :
        new String[] {
          "pytorch:0, PyTorch 2.", "tensorflow:0, TensorFlow 2.", "mxnet:0, MXNet 1."
        }) {
      assertTrue(text.contains(line), text);
    }
  }

  /** The mean over 45 steps, rounded to four digits. */
  private double lossOf(String engine) {
    var out = folder.resolve(engine).toString();
    var text = Commands.output("digits", "--engine", engine, "--epochs", "1", "--out", out);
    var loss = LOSS.matcher(text);
    assertTrue(loss.find(), text);
    return Double.parseDouble(loss.group(1));
  }
}
