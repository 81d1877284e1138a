package dev.gamelan.user;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.Batch;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Example;
import dev.gamelan.io.HostArray;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Adam;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.train.NonFiniteLossException;
import dev.gamelan.train.Progress;
import dev.gamelan.train.Trainer;
import dev.gamelan.train.TrainingListener;
import java.util.ArrayList;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** In a package that is not the library's, as a program is: errors name its lines. */
class NonFiniteLossTest {
  /** y = 2x − 1 for x = 0, 1, 2, 3. */
  private static DataLoader<Example> line(int batchSize) {
    var x = HostArray.of(new float[] {0, 1, 2, 3}, 4, 1);
    var y = HostArray.of(new float[] {-1, 1, 3, 5}, 4, 1);
    return DataLoader.of(ArrayDataset.of(x, y), batchSize);
  }

  private static Linear linear() {
    var model = new Linear(1, 1);
    model.initialize(RandomKey.of(1));
    return model;
  }

  private static Tensor loss(UnaryLayer model, Batch batch) {
    return Losses.meanSquared(model.forward(batch.input()), batch.target());
  }

  private static Trainer trainer(UnaryLayer model, double rate) {
    return new Trainer(model, new Sgd(model.parameters(), rate), b -> loss(model, b), 1);
  }

  @Test
  void aLossThatExplodesStopsWithTheStepAndARemedy() {
    var error =
        assertThrows(
            NonFiniteLossException.class, () -> trainer(linear(), 1e3).train(line(4), 200));
    assertTrue(error.getMessage().contains("lower the learning rate"), error.getMessage());
    assertTrue(error.step() > 0 && error.step() < 20, "step " + error.step());
  }

  /** The square root of 2x − 3 at x = 1 is that of −1, in the second batch. */
  @Test
  void theFirstOpThatGivesNaNIsNamedWithItsLineAndTheStateIsKept() {
    var model = new Sequential(new BatchNorm(1), new Linear(1, 1));
    model.initialize(RandomKey.of(1));
    var adam = new Adam(model.parameters(), 0.1);
    var trainer =
        new Trainer(
            model,
            adam,
            b -> {
              var y = model.forward(b.input());
              var root = b.input().mul(-2).add(3).sqrt();
              return y.sub(root).square().mean();
            },
            1);
    var before = new ArrayList<Map<String, Tensor>>();
    trainer.listen(
        new TrainingListener() {
          @Override
          public void afterStep(Progress progress) {
            before.add(model.snapshot());
          }
        });
    var error = assertThrows(NonFiniteLossException.class, () -> trainer.train(line(2), 1));
    assertTrue(
        error.getMessage().startsWith("the loss is NaN at step 2 (batch 2 of epoch 1)"),
        error.getMessage());
    assertTrue(error.getMessage().contains("'%"), error.getMessage());
    assertTrue(error.getMessage().contains("= sqrt"), error.getMessage());
    assertTrue(error.getMessage().contains("NonFiniteLossTest.java:"), error.getMessage());
    assertEquals(1, before.size());
    before
        .getFirst()
        .forEach(
            (name, value) ->
                assertArrayEquals(
                    value.toFloatArray(), model.snapshot().get(name).toFloatArray(), name));
    assertEquals(1, adam.state().get("step").value().toDouble());
  }

  /** The loss √|x·w| is 0 at w = 0, and its gradient is infinite. */
  @Test
  void aGradientThatIsNotFiniteStopsBeforeTheLossIs() {
    var model = new Linear(1, 1, false);
    model.load(Map.of("weight", Tensor.of(new float[][] {{0}})));
    var trainer =
        new Trainer(
            model,
            new Sgd(model.parameters(), 0.1),
            b -> model.forward(b.input()).abs().sqrt().mean(),
            1);
    var error = assertThrows(NonFiniteLossException.class, () -> trainer.train(line(4), 1));
    assertTrue(
        error.getMessage().startsWith("a gradient is NaN or infinite at step 1"),
        error.getMessage());
    assertTrue(error.getMessage().contains("(gradients)"), error.getMessage());
    assertEquals(0, model.snapshot().get("weight").toDouble());
  }

  @Test
  void aBatchWithNaNIsNamedAsTheCause() {
    var x = HostArray.of(new float[] {0, Float.NaN}, 2, 1);
    var loader = DataLoader.of(ArrayDataset.of(x, x), 2);
    var error =
        assertThrows(NonFiniteLossException.class, () -> trainer(linear(), 0.1).train(loader, 1));
    assertTrue(error.getMessage().contains("column 0 of the batch has NaN"), error.getMessage());
  }
}
