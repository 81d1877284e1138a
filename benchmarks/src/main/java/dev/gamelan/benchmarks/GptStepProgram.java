package dev.gamelan.benchmarks;

import dev.gamelan.models.Gpt2;
import dev.gamelan.nn.Losses;
import dev.gamelan.optim.AdamW;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Tensor;
import java.util.List;
import java.util.Random;

/**
 * A training step of nanoGPT's configuration for CPUs. No library for the JVM offers attention that
 * trains, so it is measured against the roof alone.
 */
final class GptStepProgram implements Program {
  private static final int LAYERS = 4;
  private static final int WIDTH = 128;
  private static final int BLOCK = 64;
  private static final int BATCH = 12;
  private static final int VOCABULARY = 65;

  @Override
  public String name() {
    return "gpt-step";
  }

  @Override
  public String description() {
    return "a GPT of 4 layers, 128 wide, 12×64 tokens: forward, gradients and AdamW, loss read";
  }

  /** Three times the forward pass: 12·width² weights a layer, scores and sums, and the logits. */
  @Override
  public double flops() {
    double tokens = BATCH * BLOCK;
    double layer = 2 * tokens * 12 * WIDTH * WIDTH + 4 * tokens * BLOCK * WIDTH;
    return 3 * (LAYERS * layer + 2 * tokens * WIDTH * VOCABULARY);
  }

  @Override
  public List<String> contenders() {
    return List.of("gamelan");
  }

  @Override
  public Contender open(String contender, Workspace workspace) {
    return new Training(
        workspace.initialize(new Gpt2(new Gpt2.Config(VOCABULARY, BLOCK, LAYERS, 4, WIDTH))));
  }

  private static final class Training implements Contender {
    private final Gpt2 model;
    private final AdamW optimizer;
    private final CompiledFunction step = CompiledFunction.of(this::step);
    private final Random random = new Random(5);

    Training(Gpt2 model) {
      this.model = model;
      this.optimizer = new AdamW(model.parameters(), 1e-3);
    }

    private List<Tensor> step(List<Tensor> batch) {
      var gradients =
          Gradients.compute(
              model.parameters(),
              () -> {
                var logits = model.forward(batch.get(0)).reshape(-1, VOCABULARY);
                return Losses.crossEntropy(logits, batch.get(1).reshape(-1));
              });
      optimizer.update(gradients);
      return List.of(gradients.loss());
    }

    @Override
    public float[] result() {
      return new float[] {step.call(tokens(), tokens()).getFirst().toFloat()};
    }

    private Tensor tokens() {
      return Tensor.of(random.ints(BATCH * BLOCK, 0, VOCABULARY).toArray()).reshape(BATCH, BLOCK);
    }

    @Override
    public void call() {
      result();
    }

    @Override
    public void close() {}
  }
}
