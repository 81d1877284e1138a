package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.DataLoader;
import dev.gamelan.nn.Linear;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
  @TempDir Path folder;

  /** y = 2x − 1 for x = 0, 1, 2, 3. */
  private static DataLoader line() {
    var data = new ArrayDataset(new float[] {0, 1, 2, 3}, Shape.of(1), new int[] {-1, 1, 3, 5});
    return new DataLoader(data, 4, DataLoader.Options.DEFAULT);
  }

  private static Trainer trainer(Linear model, double rate) {
    return new Trainer(
        new Sgd(model.parameters(), rate),
        batch ->
            model
                .forward(batch.input())
                .sub(batch.target().convert(DType.F32).reshape(-1, 1))
                .square()
                .mean(),
        1);
  }

  @Test
  void aLineIsFound() {
    var model = new Linear(1, 1);
    model.initialize(RandomKey.of(1));
    var history = new History();
    trainer(model, 0.1).listen(history).train(line(), 200);
    var values = model.snapshot();
    assertEquals(2, values.get("weight").toDouble(), 1e-2);
    assertEquals(-1, values.get("bias").toDouble(), 2e-2);
    assertEquals(200, history.curves().get("loss").size());
  }

  @Test
  void aLossThatExplodesStopsWithTheBatchAndARemedy() {
    var model = new Linear(1, 1);
    model.initialize(RandomKey.of(1));
    var error =
        assertThrows(ArithmeticException.class, () -> trainer(model, 1e3).train(line(), 200));
    assertTrue(error.getMessage().contains("lower the learning rate"), error.getMessage());
  }

  @Test
  void progressIsPlainLinesWhereNothingCanBeRedrawn() {
    var bytes = new ByteArrayOutputStream();
    var bar = new ProgressBar(new PrintStream(bytes, true, StandardCharsets.UTF_8), false);
    bar.afterBatch(0, 0, 2, 0.5f);
    bar.afterEpoch(0, 3, 0.25f);
    var text = bytes.toString(StandardCharsets.UTF_8);
    assertTrue(text.startsWith("epoch 1/3  loss 0.2500"), text);
    assertFalse(text.contains("\r") && !text.endsWith("\r\n"), text);
  }

  @Test
  void curvesBecomeAPicture() throws IOException {
    var history = new History();
    history.record("loss", 1);
    history.record("loss", 0.5);
    history.record("accuracy", 0.9);
    var file = folder.resolve("sub").resolve("curves.png");
    CurvePlot.save(file, history);
    var picture = ImageIO.read(file.toFile());
    assertEquals(800, picture.getWidth());
    assertEquals(600, picture.getHeight());
  }

  @Test
  void aConfusionMatrixCountsRowsByTruth() {
    var confusion = new ConfusionMatrix(2);
    confusion.add(new int[] {0, 0, 1}, new int[] {0, 1, 1});
    assertEquals(2 / 3.0, confusion.accuracy());
    assertTrue(confusion.toString().contains("    0    1    1"), confusion.toString());
  }
}
