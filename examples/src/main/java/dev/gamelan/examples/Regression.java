package dev.gamelan.examples;

import dev.gamelan.data.Csv;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Dataset;
import dev.gamelan.data.Example;
import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.io.HostArray;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.AdamW;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.train.EarlyStopping;
import dev.gamelan.train.Metrics;
import dev.gamelan.train.ProgressBar;
import dev.gamelan.train.Trainer;
import dev.gamelan.train.Validation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Teaches: a table from a CSV file, scaled columns, validation and early stopping. */
@Command(
    name = "regression",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    showDefaultValues = true,
    description = "Predicts prices of flats from a CSV file, which it makes up first.")
final class Regression implements Callable<Integer> {
  private static final List<String> COLUMNS = List.of("area", "rooms", "age", "kilometres");
  private static final float THOUSAND = 1000;

  @Option(names = "--out", paramLabel = "DIR", description = "folder for the file")
  private Path out = Path.of("out", "regression");

  @Override
  public Integer call() throws IOException {
    var file = out.resolve("flats.csv");
    AtomicFiles.write(file, madeUp().getBytes(StandardCharsets.UTF_8));

    // Every row becomes an input of four numbers and a target of one.
    Dataset<Example> flats =
        Csv.open(file)
            .map(
                row ->
                    Example.of(
                        HostArray.of(row.numbers(COLUMNS)),
                        HostArray.of(new float[] {row.number("price") / THOUSAND})));
    var parts = flats.split(1, 0.8, 0.2);

    // Columns of thousands beside columns of ones learn badly: all are brought to one scale.
    var scale = new Scale(parts.getFirst());
    var training = parts.getFirst().map(scale::apply);
    var held = parts.get(1).map(scale::apply);

    var model =
        new Sequential(
            new Linear(COLUMNS.size(), 32), UnaryLayer.of(Tensor::relu), new Linear(32, 1));
    model.initialize(RandomKey.of(1));
    var trainer =
        new Trainer(
                model,
                new AdamW(model.parameters(), 0.01),
                b -> Losses.smoothL1(model.forward(b.input()), b.target(), 10),
                1)
            .validate(
                Validation.ofLoss(
                        DataLoader.of(held, 64),
                        b -> Losses.smoothL1(model.forward(b.input()), b.target(), 10))
                    .withMetrics(
                        b -> model.forward(b.input()),
                        Metrics.meanAbsoluteError(),
                        Metrics.determination()))
            .stopEarly(new EarlyStopping(5))
            .listen(ProgressBar.standard());
    trainer.train(DataLoader.shuffled(training, 32, 1), 60);
    System.out.printf(
        Locale.ROOT,
        "flats that it has not seen: off by %.0f thousand on average, R² %.3f%n",
        trainer.metrics().get("validation mae"),
        trainer.metrics().get("validation r2"));
    return 0;
  }

  /** What a column has on average, and how far it goes from that. */
  private static final class Scale {
    private final float[] mean = new float[COLUMNS.size()];
    private final float[] deviation = new float[COLUMNS.size()];

    Scale(Dataset<Example> examples) {
      for (int column = 0; column < mean.length; column++) {
        double sum = 0;
        double squares = 0;
        for (long i = 0; i < examples.size(); i++) {
          double x = examples.get(i).columns().getFirst().toFloats()[column];
          sum += x;
          squares += x * x;
        }
        mean[column] = (float) (sum / examples.size());
        deviation[column] =
            (float) Math.sqrt(squares / examples.size() - mean[column] * mean[column]);
      }
    }

    Example apply(Example example) {
      var x = example.columns().getFirst().toFloats();
      for (int i = 0; i < x.length; i++) x[i] = (x[i] - mean[i]) / deviation[i];
      return Example.of(HostArray.of(x), example.columns().get(1));
    }
  }

  /** Prices that follow a rule with some chance in it. */
  private static String madeUp() {
    var random = new SplittableRandom(7);
    var text = new StringBuilder("area,rooms,age,kilometres,price\n");
    for (int i = 0; i < 800; i++) {
      int area = 20 + random.nextInt(130);
      int rooms = 1 + area / 35 + random.nextInt(2);
      int age = random.nextInt(100);
      double kilometres = random.nextDouble(0, 20);
      double price =
          area * (4500 - 18 * age) * (0.5 + Math.exp(-kilometres / 8))
              + 9000 * rooms
              + random.nextDouble(-15_000, 15_000);
      text.append(
          String.format(Locale.ROOT, "%d,%d,%d,%.2f,%.0f%n", area, rooms, age, kilometres, price));
    }
    return text.toString();
  }
}
