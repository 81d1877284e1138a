package dev.gamelan.examples;

import dev.gamelan.data.CharacterVocabulary;
import dev.gamelan.data.Collator;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Sampler;
import dev.gamelan.data.TokenWindows;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.train.Checkpoints;
import dev.gamelan.train.CurvePlot;
import dev.gamelan.train.History;
import dev.gamelan.train.Progress;
import dev.gamelan.train.ProgressBar;
import dev.gamelan.train.TrainingListener;
import dev.gamelan.train.Validation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a language model on a text, character by character, and lets it write. */
@Command(
    name = "shakespeare",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    showDefaultValues = true,
    sortOptions = false,
    description = "Trains a small GPT on the characters of a text and lets it write.")
final class Shakespeare implements Callable<Integer> {
  private static final double VALIDATION_SHARE = 0.1;
  private static final int VALIDATION_BATCHES = 200;
  private static final long WARM_UP = 100;
  private static final long CHECKPOINT_STEPS = 50;

  @Option(names = "--text", paramLabel = "FILE", required = true, description = "a UTF-8 text")
  private @Nullable Path text;

  @Option(names = "--steps", paramLabel = "N", description = "of training, in all")
  private long steps = 2000;

  @Option(names = "--layers", paramLabel = "N", description = "of the model")
  private int layers = 4;

  @Option(names = "--heads", paramLabel = "N", description = "of attention")
  private int heads = 4;

  @Option(names = "--width", paramLabel = "N", description = "of the model")
  private int width = 128;

  @Option(names = "--block", paramLabel = "N", description = "the most characters that it sees")
  private int block = 64;

  @Option(names = "--batch", paramLabel = "N", description = "blocks of a step")
  private int batch = 12;

  @Option(names = "--learning-rate", paramLabel = "R", description = "the largest")
  private double learningRate = 1e-3;

  @Option(
      names = "--every",
      paramLabel = "N",
      description = "steps from one measurement to the next")
  private long every = 250;

  @Option(names = "--sample", paramLabel = "N", description = "characters to write at the end")
  private int sample = 500;

  @Option(names = "--seed", paramLabel = "S", description = "of weights, order and sample")
  private long seed = 1;

  @Option(names = "--engine", paramLabel = "E", description = "engine or device, such as reference")
  private @Nullable String engine;

  @Option(names = "--out", paramLabel = "DIR", description = "folder for checkpoints and picture")
  private Path out = Path.of("out", "shakespeare");

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description = "goes on from the checkpoints in this folder, with the same options")
  private @Nullable Path resume;

  @Override
  public Integer call() throws IOException {
    if (steps < 0 || every < 1 || batch < 1 || sample < 0) {
      throw new IllegalArgumentException(
          "--every and --batch must be at least 1, --steps and --sample at least 0");
    }
    Device device = engine == null ? Devices.current() : Engines.device(engine);
    var characters = read(Objects.requireNonNull(text));
    Devices.use(
        device,
        () -> {
          train(characters, device);
          return true;
        });
    return 0;
  }

  private static String read(Path file) throws IOException {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new IOException(file + " is no UTF-8 text", e);
    }
  }

  private void train(String characters, Device device) {
    var vocabulary = CharacterVocabulary.of(characters);
    var tokens = vocabulary.encode(characters);
    int split = (int) Math.round(tokens.length * (1 - VALIDATION_SHARE));
    var training = new TokenWindows(Arrays.copyOf(tokens, split), block);
    var held = new TokenWindows(Arrays.copyOfRange(tokens, split, tokens.length), block);
    var loader = DataLoader.shuffled(training, batch, seed);

    var model = new Gpt(new Gpt.Config(vocabulary.size(), layers, heads, width, block));
    model.initialize(RandomKey.of(seed));
    var history = new History();
    var folder = resume == null ? out : resume;
    var checkpoints = Checkpoints.in(folder).everySteps(CHECKPOINT_STEPS).keepBest(1);
    var validation = Validation.ofLoss(fixed(held), b -> GptTraining.loss(model, b));
    var report = new Report();
    var trainer =
        GptTraining.trainer(model, GptTraining.schedule(learningRate, WARM_UP, steps), seed)
            .validate(validation.everySteps(every))
            .checkpoint(checkpoints)
            .listen(ProgressBar.standard())
            .listen(history)
            .listen(report);
    System.out.printf(
        "%d characters, %d different; %d parameters; on %s%n",
        tokens.length, vocabulary.size(), model.parameterCount(), device);
    if (resume != null) {
      if (!trainer.resume()) {
        throw new IllegalArgumentException("there is no checkpoint in " + resume);
      }
      System.out.printf("going on after step %d%n", trainer.steps());
    } else {
      requireEmpty(checkpoints);
    }
    trainer.trainSteps(loader, steps);
    if (trainer.steps() % every != 0) report.print(trainer.steps(), validation.run());
    savePicture(folder, history);
    System.out.printf("checkpoints  %s%n%n", folder);
    int[] written = GptTraining.sample(model, start(vocabulary), sample, block, seed);
    System.out.println(vocabulary.decode(written));
  }

  /** The same windows at every measurement. */
  private DataLoader<?> fixed(TokenWindows windows) {
    var order = Sampler.permutation(windows.size(), new SplittableRandom(seed));
    int count = (int) Math.min(order.length, (long) VALIDATION_BATCHES * batch);
    return DataLoader.of(windows.subset(Arrays.copyOf(order, count)), Collator.stack(), batch);
  }

  /** A line end, as nanoGPT begins; else what comes first in the vocabulary. */
  private static int[] start(CharacterVocabulary vocabulary) {
    try {
      return vocabulary.encode("\n");
    } catch (IllegalArgumentException e) {
      return new int[1];
    }
  }

  private static void requireEmpty(Checkpoints checkpoints) {
    try {
      var latest = checkpoints.latest();
      if (latest.isPresent()) {
        throw new IllegalArgumentException(
            "there is a checkpoint already, %s; go on with --resume DIR, or choose another --out"
                .formatted(latest.get()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void savePicture(Path folder, History history) {
    if (history.curves().isEmpty()) return;
    try {
      CurvePlot.save(folder.resolve("curves.png"), history);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A line at each measurement: the mean training loss and time of the steps since the last. */
  private static final class Report implements TrainingListener {
    private double loss;
    private long count;
    private long from = System.nanoTime();
    private long lastStep = from;

    @Override
    public void beforeTraining(long step) {
      from = System.nanoTime();
    }

    @Override
    public void afterStep(Progress progress) {
      loss += progress.loss();
      count++;
      lastStep = System.nanoTime();
    }

    @Override
    public void afterValidation(Progress progress, Map<String, Double> metrics) {
      print(progress.step(), metrics);
    }

    void print(long step, Map<String, Double> metrics) {
      // The time of the measurement itself is not that of a step.
      System.out.printf(
          Locale.ROOT,
          "step %d train %.4f val %.4f ms/step %.1f%n",
          step,
          loss / count,
          metrics.get(Validation.LOSS),
          (lastStep - from) / 1e6 / count);
      loss = 0;
      count = 0;
      from = System.nanoTime();
    }
  }
}
