package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.Batch;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShakespeareTest {
  @TempDir Path folder;

  private Path text() throws IOException {
    var lines = new StringBuilder();
    for (int i = 0; i < 60; i++)
      lines.append("to be or not to be, that is question %d\n".formatted(i));
    return Files.writeString(folder.resolve("text.txt"), lines);
  }

  private String[] arguments(Path text, String... more) {
    var all =
        new String[] {
          "shakespeare",
          "--text",
          text.toString(),
          "--layers",
          "1",
          "--heads",
          "2",
          "--width",
          "16",
          "--block",
          "8",
          "--batch",
          "4",
          "--every",
          "5",
          "--sample",
          "12"
        };
    var joined = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, joined, all.length, more.length);
    return joined;
  }

  /**
   * From one beginning on the same batches; made by tools/golden_training.py. Both round to f32,
   * and 20 steps of AdamW carry the differences on: 1e-4 relative is what is asked for, and a
   * mistake of one constant is larger.
   */
  @Test
  void theFirstTwentyLossesAreThoseOfPyTorch() throws Exception {
    var url = Objects.requireNonNull(ShakespeareTest.class.getResource("gpt.safetensors"));
    var golden = SafeTensors.read(Path.of(url.toURI()));
    var model = new Gpt(new Gpt.Config(20, 1, 4, 32, 16));
    var start = new LinkedHashMap<String, Tensor>();
    golden.forEach(
        (name, tensor) -> {
          if (name.startsWith("start.")) start.put(name.substring("start.".length()), tensor);
        });
    model.load(start);
    var trainer = GptTraining.trainer(model, GptTraining.schedule(1e-2, 5, 20), 1);
    var batches = golden.get("batches");
    var losses = golden.get("losses").toFloatArray();
    assertEquals(20, losses.length);
    for (int step = 0; step < losses.length; step++) {
      var windows = batches.at(0, step);
      float loss = trainer.step(Batch.of(windows.slice(1, 0, 16), windows.slice(1, 1, 17)));
      assertEquals(losses[step], loss, 1e-4 * losses[step], "step " + step);
    }
  }

  @Test
  void aTrainingThatGoesOnEndsWhereOneInOnePieceEnds() throws IOException {
    var text = text();
    var whole = folder.resolve("whole");
    var parts = folder.resolve("parts");
    var output = Commands.output(arguments(text, "--steps", "60", "--out", whole.toString()));
    var measured = output.lines().filter(line -> line.startsWith("step ")).toList();
    assertEquals(12, measured.size(), output);
    assertTrue(
        measured
            .getLast()
            .matches("step 60 train \\d\\.\\d{4} val \\d\\.\\d{4} ms/step \\d+\\.\\d"),
        output);
    assertTrue(Files.size(whole.resolve("curves.png")) > 1000);

    // The last file is lost, as if the process had been killed before: step 50 is there.
    var last = "step-000000060.safetensors";
    Commands.output(arguments(text, "--steps", "60", "--out", parts.toString()));
    Files.delete(parts.resolve(last));
    Commands.output(arguments(text, "--steps", "60", "--resume", parts.toString()));
    assertArrayEquals(
        Files.readAllBytes(whole.resolve(last)), Files.readAllBytes(parts.resolve(last)));
  }

  @Test
  void theLastStepIsMeasuredToo() throws IOException {
    var out = folder.resolve("seven").toString();
    var output = Commands.output(arguments(text(), "--steps", "7", "--out", out));
    var measured = output.lines().filter(line -> line.startsWith("step ")).toList();
    assertEquals(2, measured.size(), output);
    assertTrue(measured.getLast().startsWith("step 7 train"), output);
  }

  @Test
  void whatCantBeTrainedOnIsOneClearError() throws IOException {
    var text = text();
    var small = Files.writeString(folder.resolve("short.txt"), "short");
    var latin = Files.write(folder.resolve("latin.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    var expected =
        Map.of(
            arguments(small), "needs at least 9 tokens",
            arguments(latin), "is no UTF-8 text",
            arguments(folder.resolve("missing.txt")), "NoSuchFileException",
            arguments(text, "--resume", folder.toString()), "there is no checkpoint in",
            arguments(text, "--steps", "-1"), "--steps");
    expected.forEach(
        (arguments, message) -> {
          var error = Commands.error(arguments);
          assertTrue(error.contains(message), error);
          assertEquals(1, error.lines().count(), error);
        });
  }

  @Test
  void headsMustDivideTheWidth() {
    var error = assertThrows(IllegalArgumentException.class, () -> new Gpt.Config(9, 1, 3, 16, 8));
    assertTrue(error.getMessage().contains("the heads must divide the width"));
  }

  @Test
  void checkpointsAreNotOverwrittenByAnotherTraining() throws IOException {
    var text = text();
    var out = folder.resolve("out").toString();
    Commands.output(arguments(text, "--steps", "2", "--out", out));
    var error = Commands.error(arguments(text, "--steps", "2", "--out", out));
    assertTrue(error.contains("go on with --resume"), error);
  }
}
