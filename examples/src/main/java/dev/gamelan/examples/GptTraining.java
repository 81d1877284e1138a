package dev.gamelan.examples;

import dev.gamelan.data.Batch;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.GradientClipping;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.optim.ParameterGroup;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.train.Trainer;
import java.util.Arrays;
import java.util.List;

/** How a {@link Gpt} is trained and sampled, with nanoGPT's settings. */
final class GptTraining {
  private static final double TEMPERATURE = 0.8;

  private GptTraining() {}

  /** Weight decay on matrices only. */
  static AdamW optimizer(Gpt model, double learningRate) {
    var plain = AdamW.Options.DEFAULT.withBetas(0.9, 0.99).withWeightDecay(0);
    var matrices = model.parameters().stream().filter(p -> p.type().rank() > 1).toList();
    var vectors = model.parameters().stream().filter(p -> p.type().rank() < 2).toList();
    return new AdamW(
        learningRate,
        List.of(
            ParameterGroup.of(matrices, plain.withWeightDecay(0.1)),
            ParameterGroup.of(vectors, plain)));
  }

  /** Up to {@code max} in {@code warmUp} steps, then along a cosine to a tenth of it. */
  static LearningRateSchedule schedule(double max, long warmUp, long steps) {
    return LearningRateSchedule.warmUp(
        warmUp, LearningRateSchedule.cosine(max, max / 10, Math.max(steps - warmUp, 1)));
  }

  static Tensor loss(Gpt model, Batch batch) {
    return model.forward(batch.input()).crossEntropy(batch.target());
  }

  static Trainer trainer(Gpt model, LearningRateSchedule schedule, long seed) {
    return new Trainer(model, optimizer(model, schedule.at(0)), b -> loss(model, b), seed)
        .schedule(schedule)
        .clip(new GradientClipping.ByNorm(1));
  }

  /**
   * {@code count} tokens that follow {@code prompt}, drawn by the model's probabilities.
   *
   * @param block the most tokens that the model sees
   */
  static int[] sample(Gpt model, int[] prompt, int count, int block, long seed) {
    // Always a whole block, so that one executable serves all lengths: causal attention does not
    // see what is behind the last token.
    var next =
        CompiledFunction.of(
            arguments -> {
              var logits = model.forward(arguments.getFirst().reshape(1, block)).at(0, 0);
              var last = logits.gather(0, arguments.get(1)).mul(1 / TEMPERATURE);
              return List.of(
                  Tensor.apply(
                      new RandomOp.Categorical(), List.of(RandomKey.draw().words(), last)));
            });
    var tokens = Arrays.copyOf(prompt, prompt.length + count);
    var key = RandomKey.of(seed);
    for (int length = prompt.length; length < tokens.length; length++) {
      int from = Math.max(0, length - block);
      var seen = Tensor.of(Arrays.copyOf(Arrays.copyOfRange(tokens, from, length), block));
      var last = Tensor.of(new int[] {length - from - 1});
      tokens[length] =
          (int) key.foldIn(length).use(() -> next.call(seen, last)).getFirst().toLong();
    }
    return Arrays.copyOfRange(tokens, prompt.length, tokens.length);
  }
}
