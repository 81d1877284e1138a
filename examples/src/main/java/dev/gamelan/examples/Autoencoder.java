package dev.gamelan.examples;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Image;
import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.train.ProgressBar;
import dev.gamelan.train.Trainer;
import dev.gamelan.train.Validation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import javax.imageio.ImageIO;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Teaches: a network of two halves, learning without labels, and pictures from tensors. */
@Command(
    name = "autoencoder",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    showDefaultValues = true,
    description = "Squeezes digits of 64 pixels into 8 numbers and draws what comes out again.")
final class Autoencoder implements Callable<Integer> {
  private static final int SIDE = 8;
  private static final int PIXELS = SIDE * SIDE;
  private static final int CODE = 8;

  /** A digit with a white margin of a pixel. */
  private static final int CELL = SIDE + 2;

  private static final int SHOWN = 12;
  private static final int ZOOM = 8;

  @Option(names = "--epochs", paramLabel = "N", description = "times through the digits")
  private int epochs = 15;

  @Option(names = "--out", paramLabel = "DIR", description = "folder for the picture")
  private Path out = Path.of("out", "autoencoder");

  @Override
  public Integer call() throws IOException {
    var encoder =
        new Sequential(new Linear(PIXELS, 64), UnaryLayer.of(Tensor::relu), new Linear(64, CODE));
    var decoder =
        new Sequential(new Linear(CODE, 64), UnaryLayer.of(Tensor::relu), new Linear(64, PIXELS));
    var model = new Sequential(encoder, decoder);
    model.initialize(RandomKey.of(1));

    var training = Digits.load("train");
    var test = Digits.load("test");
    var loader = DataLoader.shuffled(training, 32, 1);
    long steps = loader.batches(0) * epochs;
    // The target is the input itself; labels are not looked at.
    var trainer =
        new Trainer(
                model,
                new AdamW(model.parameters(), 3e-3),
                b -> {
                  var x = b.input().flatten(1);
                  return Losses.meanSquared(model.forward(x).sigmoid(), x);
                },
                1)
            .schedule(LearningRateSchedule.cosine(3e-3, 0, Math.max(steps, 1)))
            .validate(
                Validation.ofLoss(
                    DataLoader.of(test, 200),
                    b -> {
                      var x = b.input().flatten(1);
                      return Losses.meanSquared(model.forward(x).sigmoid(), x);
                    }))
            .listen(ProgressBar.standard());
    trainer.train(loader, epochs);

    var picture = out.resolve("digits.png");
    draw(picture, test, model);
    System.out.printf(
        Locale.ROOT,
        "mean squared error %.4f; above the digits, below what came out: %s%n",
        trainer.metrics().getOrDefault(Validation.LOSS, Double.NaN),
        picture);
    return 0;
  }

  private static void draw(Path file, ArrayDataset digits, UnaryLayer model) throws IOException {
    var batch = DataLoader.of(digits, SHOWN).epoch(0).iterator().next();
    var before = batch.input().flatten(1);
    var after = model.forward(before).sigmoid();
    float[][] rows = {before.toFloatArray(), after.toFloatArray()};
    var pixels = new float[2 * CELL * SHOWN * CELL];
    Arrays.fill(pixels, 1);
    for (int row = 0; row < 2; row++) {
      for (int i = 0; i < SHOWN * PIXELS; i++) {
        int y = row * CELL + 1 + i % PIXELS / SIDE;
        int x = i / PIXELS * CELL + 1 + i % SIDE;
        pixels[y * SHOWN * CELL + x] = 1 - rows[row][i];
      }
    }
    var image =
        Image.of(pixels, 1, 2 * CELL, SHOWN * CELL)
            .resizeNearest(2 * CELL * ZOOM, SHOWN * CELL * ZOOM);
    var png = new ByteArrayOutputStream();
    ImageIO.write(image.toBufferedImage(), "png", png);
    AtomicFiles.write(file, png.toByteArray());
  }
}
