package dev.gamelan.examples;

import dev.gamelan.data.BatchSampler;
import dev.gamelan.data.Collator;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Dataset;
import dev.gamelan.data.Example;
import dev.gamelan.data.Sampler;
import dev.gamelan.io.HostArray;
import dev.gamelan.nn.Embedding;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Lstm;
import dev.gamelan.nn.RecurrentLayer;
import dev.gamelan.optim.Adam;
import dev.gamelan.optim.GradientClipping;
import dev.gamelan.tensor.Bucketing;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.train.Metrics;
import dev.gamelan.train.ProgressBar;
import dev.gamelan.train.Trainer;
import dev.gamelan.train.Validation;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Teaches: sequences of different lengths, padded and bucketed, and a recurrent layer. */
@Command(
    name = "sequences",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Teaches an LSTM to tell balanced brackets from others.")
final class Sequences implements Callable<Integer> {
  private static final int LONGEST = 16;

  /** Reads brackets one by one and judges by the state after the last. */
  private static final class Judge extends Layer {
    private final Embedding embedding = register("embedding", new Embedding(2, 8));
    private final Lstm lstm =
        register("lstm", new Lstm(8, 32, RecurrentLayer.Options.DEFAULT.withBatchFirst(true)));
    private final Linear out = register("out", new Linear(32, 2));

    /** Tokens i32[N, T] and lengths i32[N]; the last step of each row is where it ends. */
    Tensor forward(Tensor tokens, Tensor lengths) {
      var states = lstm.forward(embedding.forward(tokens)).sequence();
      var step = Tensors.range(DType.I32, tokens.dim(1));
      var isLast = step.eq(lengths.reshape(-1, 1).sub(1)).convert(states.dtype());
      return out.forward(states.mul(isLast.expandAxis(-1)).sum(1));
    }
  }

  @Override
  public Integer call() {
    var model = new Judge();
    model.initialize(RandomKey.of(1));
    // Lengths 8 and 16: two shapes, so that the training step is compiled twice.
    var collator = Collator.padded(Map.of(0, 0.0), new Bucketing(List.of(8L, (long) LONGEST)));
    var training = brackets(2000, 1);
    var held = brackets(400, 2);
    var batches =
        BatchSampler.byLength(
            Sampler.shuffled(training.size(), 1),
            i -> training.get(i).columns().getFirst().type().dim(0),
            50,
            8,
            1);
    var trainer =
        new Trainer(
                model,
                new Adam(model.parameters(), 0.01),
                b -> model.forward(b.input(), b.column(2)).crossEntropy(b.target()),
                1)
            .clip(new GradientClipping.ByNorm(1))
            .validate(
                Validation.ofLoss(
                        DataLoader.of(held, collator, 100),
                        b -> model.forward(b.input(), b.column(2)).crossEntropy(b.target()))
                    .withMetrics(b -> model.forward(b.input(), b.column(2)), Metrics.accuracy()))
            .listen(ProgressBar.standard());
    trainer.train(DataLoader.of(training, collator, batches), 5);
    System.out.printf(
        Locale.ROOT,
        "brackets that it has not seen: %.3f judged rightly%n",
        trainer.metrics().get("validation accuracy"));
    return 0;
  }

  /** Half balanced; the others have one bracket turned. */
  private static Dataset<Example> brackets(int count, long seed) {
    var random = new SplittableRandom(seed);
    var examples = new ArrayList<Example>();
    for (int i = 0; i < count; i++) {
      int pairs = 2 + random.nextInt(LONGEST / 2 - 1);
      var tokens = new int[2 * pairs];
      int open = 0;
      for (int at = 0; at < tokens.length; at++) {
        boolean mustOpen = open == 0;
        boolean mustClose = open == tokens.length - at;
        boolean closes = mustClose || (!mustOpen && random.nextBoolean());
        tokens[at] = closes ? 1 : 0;
        open += closes ? -1 : 1;
      }
      int balanced = random.nextInt(2);
      if (balanced == 0) tokens[random.nextInt(tokens.length)] ^= 1;
      examples.add(Example.of(HostArray.of(tokens), HostArray.scalar(balanced)));
    }
    return Dataset.of(examples);
  }
}
