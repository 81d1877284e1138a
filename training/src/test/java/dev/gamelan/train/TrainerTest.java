package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.Batch;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Example;
import dev.gamelan.golden.Golden;
import dev.gamelan.io.HostArray;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Adam;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainerTest {
  /** y = 2x − 1 for x = 0, 1, 2, 3. */
  static DataLoader<Example> line(int batchSize) {
    var x = HostArray.of(new float[] {0, 1, 2, 3}, 4, 1);
    var y = HostArray.of(new float[] {-1, 1, 3, 5}, 4, 1);
    return DataLoader.of(ArrayDataset.of(x, y), batchSize);
  }

  static Linear linear() {
    var model = new Linear(1, 1);
    model.initialize(RandomKey.of(1));
    return model;
  }

  static Tensor loss(UnaryLayer model, Batch batch) {
    return Losses.meanSquared(model.forward(batch.input()), batch.target());
  }

  private static Trainer trainer(UnaryLayer model, double rate) {
    return new Trainer(model, new Sgd(model.parameters(), rate), b -> loss(model, b), 1);
  }

  @Test
  void aLineIsFound() {
    var model = linear();
    var history = new History();
    trainer(model, 0.1).listen(history).train(line(4), 200);
    var values = model.snapshot();
    assertEquals(2, values.get("weight").toDouble(), 1e-2);
    assertEquals(-1, values.get("bias").toDouble(), 2e-2);
    assertEquals(200, history.curves().get("loss").size());
  }

  /** PyTorch adds up the gradients of two batches, each divided by two, before Adam's step. */
  @Test
  void accumulatedBatchesMakeTheStepsOfPyTorch() {
    var golden = Golden.load("optimizers");
    var model = new Sequential(new Linear(4, 6), UnaryLayer.of(Tensor::tanh), new Linear(6, 3));
    model.load(golden.under("start."));
    var data =
        ArrayDataset.of(
            HostArray.of(golden.get("x")).reshape(80, 4),
            HostArray.of(golden.get("y")).reshape(80, 3));
    var losses = new ArrayList<Float>();
    new Trainer(model, new Adam(model.parameters(), 0.02), b -> loss(model, b), 1)
        .accumulate(2)
        .listen(
            new TrainingListener() {
              @Override
              public void afterStep(Progress progress) {
                losses.add(progress.loss());
              }
            })
        .train(DataLoader.of(data, 8), 1);
    var want = golden.get("accumulated/losses").toFloatArray();
    assertEquals(want.length, losses.size());
    for (int i = 0; i < want.length; i++) assertEquals(want[i], losses.get(i), 5e-6);
    model
        .snapshot()
        .forEach(
            (name, value) ->
                Golden.assertClose(name, golden.get("accumulated/end." + name), value, 5e-6));
  }

  @Test
  void theScheduleSetsTheRateOfEachStep() {
    var rates = new ArrayList<Double>();
    var model = linear();
    trainer(model, 9)
        .schedule(LearningRateSchedule.linear(0.5, 0.25, 2))
        .listen(
            new TrainingListener() {
              @Override
              public void afterStep(Progress progress) {
                rates.add(progress.learningRate());
              }
            })
        .trainSteps(line(2), 4);
    assertEquals(List.of(0.5, 0.375, 0.25, 0.25), rates);
  }

  @Test
  void validationMeasuresInInferenceAndStopsEarly() {
    var model = linear();
    var validation =
        Validation.ofLoss(line(3), b -> loss(model, b))
            .withMetrics(b -> model.forward(b.input()), Metrics.meanAbsoluteError());
    // With a rate of 0 nothing gets better: the first validation is best, and two are let pass.
    var trainer = trainer(model, 0).validate(validation).stopEarly(new EarlyStopping(2));
    trainer.train(line(4), 100);
    assertEquals(4, trainer.steps());
    var weight = model.snapshot().get("weight").toDouble();
    var bias = model.snapshot().get("bias").toDouble();
    double squares = 0;
    double absolutes = 0;
    for (int x = 0; x < 4; x++) {
      double d = weight * x + bias - (2 * x - 1);
      squares += d * d / 4;
      absolutes += Math.abs(d) / 4;
    }
    assertEquals(squares, trainer.metrics().get("validation loss"), 1e-5);
    assertEquals(absolutes, trainer.metrics().get("validation mae"), 1e-5);
  }

  @Test
  void aListenerCanStopTheTraining() {
    var trainer = trainer(linear(), 0.1);
    trainer.listen(
        new TrainingListener() {
          @Override
          public void afterStep(Progress progress) {
            if (progress.step() == 7) trainer.stop();
          }
        });
    trainer.train(line(2), 100);
    assertEquals(7, trainer.steps());
  }

  @Test
  void anEpochThatIsTooShortForAStepSaysSo() {
    var trainer = trainer(linear(), 0.1).accumulate(3);
    var error = assertThrows(IllegalArgumentException.class, () -> trainer.trainSteps(line(2), 10));
    assertTrue(error.getMessage().contains("an epoch has 2 batches"), error.getMessage());
    assertFalse(trainer.steps() > 0);
  }

  @Test
  void whatIsCompiledIntoTheStepIsSetBeforeIt() {
    var trainer = trainer(linear(), 0.1).accumulate(2);
    var batch = line(4).epoch(0).iterator().next();
    var error = assertThrows(IllegalArgumentException.class, () -> trainer.step(batch));
    assertTrue(error.getMessage().contains("takes 2 batches; got 1"), error.getMessage());
    trainer.step(batch, batch);
    assertThrows(IllegalStateException.class, () -> trainer.accumulate(1));
  }
}
