package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.ArrayDataset;
import dev.gamelan.data.DataLoader;
import dev.gamelan.io.HostArray;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.nn.Linear;
import dev.gamelan.optim.ReduceOnPlateau;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
  @TempDir Path folder;

  private List<String> files() throws IOException {
    try (var files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals(".lock"))
          .sorted()
          .toList();
    }
  }

  private Path resumable(ResumableRun run, long steps) throws IOException {
    run.trainer().resume();
    run.trainer().trainSteps(run.loader(), steps);
    return run.checkpoints().latest().orElseThrow();
  }

  /** Stops within an epoch, at its end, and after one; with all there is that has state. */
  @Test
  void aTrainingThatWasStoppedEndsBitForBitWhereItWouldHaveEnded() throws IOException {
    var whole = resumable(new ResumableRun(folder.resolve("whole")), 33);
    for (long steps : new long[] {1, 4, 5, 8, 17, 18, 30, 33}) {
      resumable(new ResumableRun(folder.resolve("parts")), steps);
    }
    var parts = new ResumableRun(folder.resolve("parts")).checkpoints().latest().orElseThrow();
    assertArrayEquals(Files.readAllBytes(whole), Files.readAllBytes(parts));
  }

  /**
   * Step 30 is the last of an epoch, and every fifth: its checkpoint is from before the epoch's
   * end.
   */
  @Test
  void aTrainingThatDiedBetweenItsLastStepAndTheEndOfTheEpochStillEndsIt() throws IOException {
    var whole = resumable(new ResumableRun(folder.resolve("whole")), 30);
    var killed = new ResumableRun(folder.resolve("killed"));
    killed
        .trainer()
        .listen(
            new TrainingListener() {
              @Override
              public void beforeValidation(Progress progress) {
                if (progress.step() == 30) throw new IllegalStateException("killed");
              }
            });
    assertThrows(IllegalStateException.class, () -> resumable(killed, 30));
    var resumed = resumable(new ResumableRun(folder.resolve("killed")), 30);
    assertArrayEquals(Files.readAllBytes(whole), Files.readAllBytes(resumed));
  }

  @Test
  void theBestWithoutAMeasureIsAnError() {
    var best = Checkpoints.in(folder).keepBest(1, "validation accuracy", Goal.LARGEST);
    var trainer = trainer(TrainerTest.linear(), best);
    assertThrows(IllegalStateException.class, () -> trainer.train(TrainerTest.line(4), 1));
    trainer.validate(Validation.ofLoss(TrainerTest.line(4), b -> b.input().sum()));
    var error =
        assertThrows(IllegalArgumentException.class, () -> trainer.train(TrainerTest.line(4), 1));
    assertTrue(error.getMessage().contains("it gives [validation loss]"), error.getMessage());
  }

  private Trainer trainer(Linear model, Checkpoints checkpoints) {
    return new Trainer(model, new Sgd(model.parameters(), 0.1), b -> TrainerTest.loss(model, b), 1)
        .checkpoint(checkpoints);
  }

  @Test
  void theLastAreKept() throws IOException {
    var checkpoints = Checkpoints.in(folder).everySteps(2).keepLast(3);
    trainer(TrainerTest.linear(), checkpoints).trainSteps(TrainerTest.line(1), 11);
    // Every second step, the ends of epochs at 4 and 8, and the last one.
    assertEquals(
        List.of(
            "step-000000008.safetensors",
            "step-000000010.safetensors",
            "step-000000011.safetensors"),
        files());
  }

  @Test
  void theBestOutlivesTheLast() throws IOException {
    var model = TrainerTest.linear();
    var checkpoints = Checkpoints.in(folder).keepLast(1).keepBest(1);
    // The rate grows until the loss does too, so that the best is in between.
    trainer(model, checkpoints)
        .schedule(step -> 0.05 * step * step)
        .validate(Validation.ofLoss(TrainerTest.line(4), b -> TrainerTest.loss(model, b)))
        .train(TrainerTest.line(4), 6);
    assertEquals(2, files().size());
    var best = checkpoints.best().orElseThrow();
    assertFalse(best.equals(checkpoints.latest().orElseThrow()));
    var loaded = new Linear(1, 1);
    Checkpoints.loadModel(best, loaded);
    assertEquals(
        SafeTensors.read(best).get("model.weight").toDouble(),
        loaded.snapshot().get("weight").toDouble());
  }

  /** Measured after step 4 only, saved after every epoch, which is each step here. */
  @Test
  void onlyWeightsThatWereMeasuredAreTheBest() throws IOException {
    var model = TrainerTest.linear();
    var checkpoints = Checkpoints.in(folder).keepLast(9).keepBest(1);
    trainer(model, checkpoints)
        .validate(
            Validation.ofLoss(TrainerTest.line(4), b -> TrainerTest.loss(model, b)).everySteps(4))
        .trainSteps(TrainerTest.line(4), 7);
    assertTrue(files().contains("step-000000007.safetensors"), files().toString());
    assertEquals(folder.resolve("step-000000004.safetensors"), checkpoints.best().orElseThrow());
  }

  @Test
  void aTornFileIsPassedOverForTheOneBefore() throws IOException {
    var model = TrainerTest.linear();
    trainer(model, Checkpoints.in(folder)).train(TrainerTest.line(4), 3);
    var newest = folder.resolve("step-000000003.safetensors");
    var bytes = Files.readAllBytes(newest);
    Files.write(newest, Arrays.copyOf(bytes, bytes.length - 1));
    Files.writeString(folder.resolve("step-000000009.safetensors"), "nonsense");
    var resumed = trainer(TrainerTest.linear(), Checkpoints.in(folder));
    assertTrue(resumed.resume());
    assertEquals(2, resumed.steps());
  }

  @Test
  void whatIsOfAnotherModelOrSeedIsRefusedAndChangesNothing() throws IOException {
    trainer(TrainerTest.linear(), Checkpoints.in(folder)).train(TrainerTest.line(4), 1);
    var other = new Linear(1, 2);
    other.initialize(RandomKey.of(1));
    var before = other.snapshot();
    var trainer = trainer(other, Checkpoints.in(folder));
    var error = assertThrows(IllegalArgumentException.class, trainer::resume);
    assertTrue(
        error.getMessage().contains("'model.weight'")
            && error.getMessage().contains("is f32[2,1]; got f32[1,1]"),
        error.getMessage());
    assertArrayEquals(
        before.get("weight").toFloatArray(), other.snapshot().get("weight").toFloatArray());
    var model = TrainerTest.linear();
    var seeded =
        new Trainer(model, new Sgd(model.parameters(), 0.1), b -> TrainerTest.loss(model, b), 2)
            .checkpoint(Checkpoints.in(folder));
    var seedError = assertThrows(IllegalArgumentException.class, seeded::resume);
    assertTrue(seedError.getMessage().contains("seed 1, not 2"), seedError.getMessage());
  }

  @Test
  void anotherLoaderWithinAnEpochIsRefused() throws IOException {
    var x = HostArray.of(new float[] {0, 1, 2, 3}, 4, 1);
    var data = ArrayDataset.of(x, x);
    trainer(TrainerTest.linear(), Checkpoints.in(folder))
        .trainSteps(DataLoader.shuffled(data, 1, 1), 2);
    for (var other : List.of(DataLoader.shuffled(data, 1, 2), DataLoader.shuffled(data, 2, 1))) {
      var resumed = trainer(TrainerTest.linear(), Checkpoints.in(folder));
      assertTrue(resumed.resume());
      var error = assertThrows(IllegalArgumentException.class, () -> resumed.trainSteps(other, 4));
      assertTrue(error.getMessage().contains("other batches"), error.getMessage());
      assertEquals(2, resumed.steps());
    }
  }

  @Test
  void weightsThatAreNoCheckpointAreNoReasonToStartAfresh() throws IOException {
    SafeTensors.write(folder.resolve("step-000000007.safetensors"), Map.of("w", Tensor.scalar(1)));
    var trainer = trainer(TrainerTest.linear(), Checkpoints.in(folder));
    assertFalse(trainer.resume());
  }

  @Test
  void aStateThatIsNotWholeIsNoCheckpoint() throws IOException {
    for (var json :
        List.of("{}", "null", "[]", "{\"version\":1}", "{\"version\":2,\"metrics\":{}}")) {
      SafeTensors.write(
          folder.resolve("step-000000007.safetensors"),
          Map.of("w", Tensor.scalar(1)),
          Map.of("gamelan.training", json));
      assertFalse(trainer(TrainerTest.linear(), Checkpoints.in(folder)).resume(), json);
    }
  }

  @Test
  void aScheduleOfAnotherKindIsRefusedAndChangesNothing() {
    var plateau = new ReduceOnPlateau(0.1, ReduceOnPlateau.Options.DEFAULT);
    trainer(TrainerTest.linear(), Checkpoints.in(folder))
        .schedule(plateau)
        .train(TrainerTest.line(4), 3);
    var model = TrainerTest.linear();
    var before = model.snapshot().get("weight").toFloat();
    var error =
        assertThrows(
            IllegalArgumentException.class, trainer(model, Checkpoints.in(folder))::resume);
    assertTrue(error.getMessage().contains("use the same schedule"), error.getMessage());
    assertEquals(before, model.snapshot().get("weight").toFloat());
  }

  /** Of the JSON in a checkpoint: whatever is in it, it is a place to go on from, or none. */
  @Test
  void damagedStatesAreAPlaceToGoOnFromOrNone() throws IOException {
    trainer(TrainerTest.linear(), Checkpoints.in(folder)).train(TrainerTest.line(4), 1);
    var file = folder.resolve("step-000000001.safetensors");
    var tensors = SafeTensors.read(file);
    var json = SafeTensors.readMetadata(file).get("gamelan.training");
    var random = new SplittableRandom(1);
    var pieces = List.of("", "null", "-1", "1e99", "{", "}", "[", "\"", ",", ":", "\u0000", "NaN");
    for (int i = 0; i < 500; i++) {
      int at = random.nextInt(json.length());
      int to = Math.min(json.length(), at + random.nextInt(6));
      var piece = pieces.get(random.nextInt(pieces.size()));
      var damaged = json.substring(0, at) + piece + json.substring(to);
      SafeTensors.write(file, tensors, Map.of("gamelan.training", damaged));
      try {
        var trainer = trainer(TrainerTest.linear(), Checkpoints.in(folder));
        if (trainer.resume()) assertTrue(trainer.steps() >= 0, damaged);
      } catch (IllegalArgumentException e) {
        // Of another seed or schedule, as the JSON now says.
        assertTrue(e.getMessage().contains("use the same"), damaged + ": " + e);
      }
    }
  }

  @Test
  void twoTrainingsDoNotWriteToOneFolder() {
    var inner = trainer(TrainerTest.linear(), Checkpoints.in(folder));
    var outer = trainer(TrainerTest.linear(), Checkpoints.in(folder));
    outer.listen(
        new TrainingListener() {
          @Override
          public void afterStep(Progress progress) {
            inner.train(TrainerTest.line(4), 1);
          }
        });
    var error = assertThrows(UncheckedIOException.class, () -> outer.train(TrainerTest.line(4), 1));
    assertTrue(error.getMessage().contains("another training is writing to"), error.getMessage());
    inner.train(TrainerTest.line(4), 1);
    assertEquals(1, inner.steps());
  }

  @Test
  void aFolderThatCantBeMadeIsOneClearError() throws IOException {
    var file = Files.writeString(folder.resolve("file"), "");
    var trainer = trainer(TrainerTest.linear(), Checkpoints.in(file));
    var error =
        assertThrows(UncheckedIOException.class, () -> trainer.train(TrainerTest.line(4), 1));
    assertTrue(error.getMessage().contains("NotDirectoryException"), error.getMessage());
  }
}
