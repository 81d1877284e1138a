package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.Devices;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On the engine that runs asynchronously and overwrites what is donated to it. */
class StrictTrainerTest {
  @TempDir Path folder;

  private byte[] train(String name, long... steps) {
    return Devices.use(
        "strict:0",
        () -> {
          try {
            var run = new ResumableRun(folder.resolve(name));
            for (long until : steps) {
              run = new ResumableRun(folder.resolve(name));
              run.trainer().resume();
              run.trainer().trainSteps(run.loader(), until);
            }
            return Files.readAllBytes(run.checkpoints().latest().orElseThrow());
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Test
  void aTrainingThatWasStoppedEndsBitForBitWhereItWouldHaveEnded() {
    assertArrayEquals(train("whole", 21), train("parts", 4, 6, 13, 21));
  }

  @Test
  void aStepThatFailsLeavesTheStateAsItWas() {
    Devices.use(
        "strict:0",
        () -> {
          var model = TrainerTest.linear();
          var before = model.snapshot();
          var trainer =
              new Trainer(
                  model,
                  new Sgd(model.parameters(), 0.1, Sgd.Options.DEFAULT.withMomentum(0.9)),
                  b -> model.forward(b.input()).sub(100).sqrt().mean(),
                  1);
          var error =
              assertThrows(
                  NonFiniteLossException.class, () -> trainer.train(TrainerTest.line(4), 1));
          assertTrue(error.getMessage().contains("= sqrt"), error.getMessage());
          before.forEach(
              (name, value) ->
                  assertEquals(value.toFloat(), model.snapshot().get(name).toFloat(), name));
          return true;
        });
  }

  /** Nothing compiles after the first step, and nothing runs beside the step's own executable. */
  @Test
  void aStepIsOneExecutable() {
    Devices.use(
        "strict:0",
        () -> {
          var run = new ResumableRun(folder.resolve("counted"));
          var batch = run.loader().epoch(0).iterator().next();
          run.trainer().step(batch);
          run.trainer().step(batch);
          var before = Devices.cacheStatistics(Devices.current());
          for (int i = 0; i < 20; i++) run.trainer().step(batch);
          assertEquals(before, Devices.cacheStatistics(Devices.current()));
          return true;
        });
  }
}
