package dev.gamelan.train;

import dev.gamelan.data.Batch;
import dev.gamelan.data.DataLoader;
import dev.gamelan.optim.Optimizer;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Trains the parameters of an optimiser: forward, gradients and update are one executable, which
 * updates parameters and optimiser state in place. Random draws of step n come from (seed, n).
 */
public final class Trainer {
  private final Optimizer optimizer;
  private final RandomKey key;
  private final CompiledFunction step;
  private final List<TrainingListener> listeners = new ArrayList<>();
  private int steps;

  /**
   * @param loss the scalar loss of a batch
   */
  public Trainer(Optimizer optimizer, Function<Batch, Tensor> loss, long seed) {
    this.optimizer = optimizer;
    this.key = RandomKey.of(seed);
    this.step = CompiledFunction.of(columns -> List.of(update(columns, loss)));
  }

  private Tensor update(List<Tensor> columns, Function<Batch, Tensor> loss) {
    var gradients = Gradients.compute(optimizer.parameters(), () -> loss.apply(new Batch(columns)));
    optimizer.update(gradients);
    return gradients.loss();
  }

  /** Adds someone to tell how it goes; gives the trainer back. */
  public Trainer listen(TrainingListener listener) {
    listeners.add(listener);
    return this;
  }

  /** One step; the loss before it. */
  public Tensor step(Batch batch) {
    var stepKey = key.foldIn(steps++);
    return Mode.TRAINING.call(() -> stepKey.use(() -> step.call(batch.columns()))).getFirst();
  }

  /** Trains on every batch of {@code loader}, {@code epochs} times. */
  public void train(DataLoader loader, int epochs) {
    for (int epoch = 0; epoch < epochs; epoch++) {
      double sum = 0;
      long batch = 0;
      for (var examples : loader.epoch(epoch)) {
        float loss = step(examples).toFloat();
        if (!Float.isFinite(loss)) {
          throw new ArithmeticException(
              "the loss is %f at batch %d of epoch %d; lower the learning rate, or look for bad data"
                  .formatted(loss, batch, epoch + 1));
        }
        sum += loss;
        for (var listener : listeners) listener.afterBatch(epoch, batch, loader.batches(), loss);
        batch++;
      }
      float mean = (float) (sum / Math.max(batch, 1));
      for (var listener : listeners) listener.afterEpoch(epoch, epochs, mean);
    }
  }
}
