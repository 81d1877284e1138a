package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.train.Progress;
import dev.gamelan.train.TrainingListener;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With one seed a training goes the same way on every engine. */
class EnginesAgreeTest {
  private static final int STEPS = 50;

  /**
   * Rounding alone decides on which side of 0 some activations fall, and what that changes grows
   * from step to step: with some seeds, on some engines, to more than a thousandth.
   */
  private static final long SEED = 2;

  @ParameterizedTest
  @ValueSource(strings = {"onednn", "pytorch", "tensorflow", "mxnet"})
  void eachOfFiftyStepsOfDigitsLosesWhatItLosesOnTheReference(String engine) throws IOException {
    var expected = losses("reference");
    var losses = losses(engine);
    for (int step = 0; step < STEPS; step++) {
      assertEquals(expected[step], losses[step], 1e-3 * expected[step], "step " + step);
    }
  }

  private static float[] losses(String engine) throws IOException {
    var images = Digits.load("train");
    return Devices.use(
        engine + ":0",
        () -> {
          var model = Digits.model();
          model.initialize(RandomKey.of(SEED));
          var trainer = Digits.trainer(model, Digits.LEARNING_RATE, SEED);
          var losses = new float[STEPS];
          trainer.listen(
              new TrainingListener() {
                @Override
                public void afterStep(Progress progress) {
                  losses[(int) progress.step() - 1] = progress.loss();
                }
              });
          trainer.trainSteps(Digits.loader(images, SEED), STEPS);
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
