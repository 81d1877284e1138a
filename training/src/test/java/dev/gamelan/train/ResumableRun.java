package dev.gamelan.train;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.DataLoader;
import dev.gamelan.data.Example;
import dev.gamelan.io.HostArray;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Dropout;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.ExponentialMovingAverage;
import dev.gamelan.optim.GradientClipping;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.optim.ReduceOnPlateau;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A small training with everything that has state: dropout, batch norm, Adam's moments, averages, a
 * plateau, early stopping, history, shuffled and augmented data. As a program it goes on from its
 * last checkpoint, says each step, and may be killed at any moment.
 */
final class ResumableRun {
  private final Trainer trainer;
  private final Checkpoints checkpoints;
  private final DataLoader<Example> loader;

  ResumableRun(Path folder) {
    var model =
        new Sequential(
            new Linear(3, 8),
            new BatchNorm(8),
            UnaryLayer.of(Tensor::relu),
            new Dropout(0.3),
            new Linear(8, 1));
    model.initialize(RandomKey.of(3));
    checkpoints = Checkpoints.in(folder).everySteps(5).keepBest(1);
    var x = new float[60];
    for (int i = 0; i < x.length; i++) x[i] = (float) Math.sin(i * 1.7);
    var y = new float[20];
    for (int i = 0; i < y.length; i++) y[i] = x[3 * i] * x[3 * i + 1];
    var data = ArrayDataset.of(HostArray.of(x, 20, 3), HostArray.of(y, 20, 1));
    loader =
        DataLoader.shuffled(data, 3, 4)
            .withAugmentation(
                (example, random) -> {
                  var noisy = example.columns().getFirst().toFloats();
                  for (int i = 0; i < noisy.length; i++) noisy[i] += random.nextFloat() * 0.01f;
                  return Example.of(HostArray.of(noisy), example.columns().get(1));
                },
                5);
    var plateau =
        new ReduceOnPlateau(0.05, ReduceOnPlateau.Options.DEFAULT.withPatience(0).withFactor(0.7));
    trainer =
        new Trainer(
                model,
                new AdamW(model.parameters(), 0.05),
                b -> Losses.meanSquared(model.forward(b.input()), b.target()),
                6)
            .schedule(LearningRateSchedule.warmUp(4, plateau))
            .clip(new GradientClipping.ByNorm(1))
            .average(new ExponentialMovingAverage(model.namedParameters(), 0.9))
            .validate(
                Validation.ofLoss(
                    DataLoader.of(data, 20),
                    b -> Losses.meanSquared(model.forward(b.input()), b.target())))
            .stopEarly(new EarlyStopping(100))
            .listen(new History())
            .checkpoint(checkpoints);
  }

  Trainer trainer() {
    return trainer;
  }

  Checkpoints checkpoints() {
    return checkpoints;
  }

  DataLoader<Example> loader() {
    return loader;
  }

  /** Arguments: the folder, and how many steps there are in all. */
  public static void main(String[] arguments) throws IOException {
    var run = new ResumableRun(Path.of(arguments[0]));
    run.trainer.resume();
    run.trainer.listen(
        new TrainingListener() {
          @Override
          public void afterStep(Progress progress) {
            System.out.println(progress.step());
          }
        });
    run.trainer.trainSteps(run.loader, Long.parseLong(arguments[1]));
    System.out.println("done");
  }
}
