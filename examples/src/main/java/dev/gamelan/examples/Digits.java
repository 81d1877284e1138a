package dev.gamelan.examples;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.DataLoader;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.io.HostArray;
import dev.gamelan.io.Idx;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Dropout;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Pool;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.train.ConfusionMatrix;
import dev.gamelan.train.CurvePlot;
import dev.gamelan.train.History;
import dev.gamelan.train.Metrics;
import dev.gamelan.train.ProgressBar;
import dev.gamelan.train.Trainer;
import dev.gamelan.train.Validation;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a small convolutional network on real handwritten digits, 8×8 pixels each. */
@Command(
    name = "digits",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    showDefaultValues = true,
    description = "Trains a network on handwritten digits and shows what it learnt.")
final class Digits implements Callable<Integer> {
  private static final int CLASSES = 10;
  private static final int BATCH = 32;
  static final double LEARNING_RATE = 4e-3;
  private static final float BRIGHTEST = 255;

  @Option(names = "--engine", paramLabel = "E", description = "engine or device, such as reference")
  private @Nullable String engine;

  @Option(names = "--seed", paramLabel = "S", description = "of weights, order and dropout")
  private long seed = 1;

  @Option(names = "--epochs", paramLabel = "N", description = "times through the training images")
  private int epochs = 12;

  @Option(
      names = "--learning-rate",
      paramLabel = "R",
      description = "at the start; it falls to 0 along a cosine")
  private double learningRate = LEARNING_RATE;

  @Option(names = "--out", paramLabel = "DIR", description = "folder for weights and picture")
  private Path out = Path.of("out", "digits");

  @Override
  public Integer call() throws IOException {
    if (epochs < 0)
      throw new IllegalArgumentException("--epochs must be at least 0, not " + epochs);
    Device device = engine == null ? Devices.current() : Engines.device(engine);
    // Found out now, not after the training.
    Files.createDirectories(out);
    var train = load("train");
    var test = load("test");
    System.out.printf(
        "%d training and %d test images, seed %d, on %s%n",
        train.size(), test.size(), seed, device);
    double accuracy = Devices.use(device, () -> train(train, test));
    System.out.printf(Locale.ROOT, "test accuracy %.4f%n", accuracy);
    return 0;
  }

  static UnaryLayer model() {
    // What a bias adds, the normalization takes away again.
    var padded = Conv2d.Options.DEFAULT.withPadding(1).withBias(false);
    return new Sequential(
        new Conv2d(1, 16, 3, padded),
        new BatchNorm(16),
        UnaryLayer.of(Tensor::relu),
        new Conv2d(16, 32, 3, padded),
        new BatchNorm(32),
        UnaryLayer.of(Tensor::relu),
        Pool.max(2),
        UnaryLayer.of(x -> x.flatten(1)),
        new Dropout(0.3),
        new Linear(32 * 4 * 4, CLASSES));
  }

  /**
   * Each image moved by up to a pixel, drawn anew at every step: there are few, and writers differ.
   */
  static Tensor shifted(Tensor images) {
    long n = images.dim(0);
    long size = images.dim(2);
    var padded = images.pad(2, 1, 1).pad(3, 1, 1);
    var moves = Tensors.uniform(DType.F32, 2, n, 1, 1, 1).mul(3).convert(DType.I32);
    var index = Tensors.range(DType.I32, size);
    var rows = moves.at(0, 0).add(index.reshape(-1, 1));
    var columns = moves.at(0, 1).add(index);
    return padded
        .gatherElements(2, rows.broadcastTo(Shape.of(n, 1, size, size + 2)))
        .gatherElements(3, columns.broadcastTo(Shape.of(n, 1, size, size)));
  }

  static DataLoader<?> loader(ArrayDataset train, long seed) {
    return DataLoader.shuffled(train, BATCH, seed);
  }

  static Trainer trainer(UnaryLayer model, double learningRate, long seed) {
    return new Trainer(
        model,
        new AdamW(model.parameters(), learningRate),
        b -> model.forward(shifted(b.input())).crossEntropy(b.target()),
        seed);
  }

  private double train(ArrayDataset train, ArrayDataset test) {
    var model = model();
    model.initialize(RandomKey.of(seed));
    var history = new History();
    var loader = loader(train, seed);
    var schedule = LearningRateSchedule.cosine(learningRate, 0, Math.max(epochs, 1));
    long batches = loader.batches(0);
    var trainer =
        trainer(model, learningRate, seed)
            .schedule(step -> schedule.at(step / batches))
            .validate(
                Validation.ofLoss(
                        DataLoader.of(test, BATCH * 8),
                        b -> model.forward(b.input()).crossEntropy(b.target()))
                    .withMetrics(b -> model.forward(b.input()), Metrics.accuracy()))
            .listen(ProgressBar.standard())
            .listen(history);
    trainer.train(loader, epochs);
    var confusion = confusion(model, test);
    System.out.println();
    System.out.println(confusion);
    System.out.println();
    save(model, history);
    return confusion.accuracy();
  }

  private void save(UnaryLayer model, History history) {
    var weights = out.resolve("digits.safetensors");
    var picture = out.resolve("curves.png");
    try {
      SafeTensors.write(weights, model.snapshot());
      System.out.printf("weights   %s (%d parameters)%n", weights, model.parameterCount());
      if (epochs > 0) {
        CurvePlot.save(picture, history);
        System.out.printf("curves    %s%n", picture);
      }
    } catch (IOException e) {
      throw new IllegalStateException("can't write to %s: %s".formatted(out, e.getMessage()), e);
    }
  }

  private static ConfusionMatrix confusion(UnaryLayer model, ArrayDataset test) {
    var confusion = new ConfusionMatrix(CLASSES);
    for (var batch : DataLoader.of(test, BATCH * 8).epoch(0)) {
      var predicted = model.forward(batch.input()).argMax(1);
      confusion.add(batch.target().toIntArray(), predicted.toIntArray());
    }
    return confusion;
  }

  /** Grey values from 0 to 255, as [1, 8, 8] from 0 to 1. */
  static ArrayDataset load(String part) throws IOException {
    var images = resource("optdigits-%s-images.idx3.gz".formatted(part));
    var labels = resource("optdigits-%s-labels.idx1.gz".formatted(part));
    var shape = images.shape();
    return ArrayDataset.of(
        scaled(images).reshape(shape.dim(0), 1, shape.dim(1), shape.dim(2)),
        HostArray.of(labels.toInts()));
  }

  private static HostArray scaled(HostArray images) {
    var pixels = images.toFloats();
    for (int i = 0; i < pixels.length; i++) pixels[i] /= BRIGHTEST;
    return HostArray.of(pixels);
  }

  private static HostArray resource(String name) throws IOException {
    try (var in = Digits.class.getResourceAsStream(name)) {
      if (in == null) throw new FileNotFoundException(name + " is not on the class path");
      return Idx.read(in, name);
    }
  }
}
