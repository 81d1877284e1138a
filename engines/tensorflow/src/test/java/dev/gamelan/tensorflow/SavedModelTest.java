package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.exchange.ExportInput;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SavedModelTest {
  /** x · w, and its sorted rows, for which there is XLA only. */
  private static final String GRAPH =
      """
      (%0: f32[2,3], %1: f32[3,2]) {
        %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %1 : f32[2,2]
        %3 = sort[axis=1, descending=false] %2 : f32[2,2]
        return %2, %3
      }""";

  private static final float[] WEIGHT = {1, -1, 2, -2, 3, -3};

  @TempDir Path folder;

  private static MemorySegment segment(float... values) {
    return MemorySegment.ofArray(values);
  }

  private Path write() throws IOException {
    var model = folder.resolve("model");
    SavedModelFile.write(
        model,
        Graph.parse(GRAPH),
        List.of(new ExportInput("image", null), new ExportInput("0.weight", segment(WEIGHT))),
        List.of("scores", "ordered"));
    return model;
  }

  private static HostTensor x() {
    return new HostTensor(TensorType.of(DType.F32, 2, 3), segment(1, 0, 0, 0, 1, 1));
  }

  @Test
  void whatIsWrittenIsLoadedWithItsNamesAndTypes() throws IOException {
    try (var model = SavedModel.load(write(), SavedModel.DEFAULT_SIGNATURE)) {
      assertEquals("[image: f32[2,3]]", model.inputs().toString());
      assertEquals("[ordered: f32[2,2], scores: f32[2,2]]", model.outputs().toString());
      var results = model.run(List.of(x()));
      assertArrayEquals( // The first row of w, and the sum of the others.
          new float[] {1, -1, 5, -5}, results.get(1).bytes().toArray(JAVA_FLOAT));
      assertArrayEquals(new float[] {-1, 1, -5, 5}, results.getFirst().bytes().toArray(JAVA_FLOAT));
    }
  }

  @Test
  void inputsOfOtherTypesAreRefusedByName() throws IOException {
    try (var model = SavedModel.load(write(), SavedModel.DEFAULT_SIGNATURE)) {
      var wrong = new HostTensor(TensorType.of(DType.F64, 2, 3), segment(new float[12]));
      var error = assertThrows(EngineException.class, () -> model.run(List.of(wrong)));
      assertTrue(error.getMessage().contains("image: f32[2,3]"), error.getMessage());
      assertThrows(EngineException.class, () -> model.run(List.of()));
    }
  }

  @Test
  void severalThreadsRunOneModelAndAClosedOneIsAnError() throws IOException {
    var model = SavedModel.load(write(), SavedModel.DEFAULT_SIGNATURE);
    IntStream.range(0, 200)
        .parallel()
        .forEach(
            _ -> assertEquals(5, model.run(List.of(x())).get(1).bytes().getAtIndex(JAVA_FLOAT, 2)));
    model.close();
    model.close();
    assertThrows(EngineException.class, () -> model.run(List.of(x())));
  }

  @Test
  void anotherSignatureIsAnErrorThatNamesThoseThere() throws IOException {
    var model = write();
    var error = assertThrows(IOException.class, () -> SavedModel.load(model, "train"));
    assertTrue(error.getMessage().contains("serving_default"), error.getMessage());
  }

  @Test
  void namesThatAreAlikeAreRefusedAndNothingIsWritten() {
    var twice = List.of(new ExportInput("x", null), new ExportInput("x", null));
    var model = folder.resolve("none");
    assertThrows(
        IllegalArgumentException.class,
        () -> SavedModelFile.write(model, Graph.parse(GRAPH), twice, List.of("a", "b")));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            SavedModelFile.write(
                model, Graph.parse(GRAPH), twice.subList(0, 1), List.of("a", "b")));
    assertTrue(Files.notExists(model));
  }

  @Test
  void foldersThatAreNoModelsAreErrorsAndNeverMore() throws IOException {
    assertThrows(
        FileNotFoundException.class, () -> SavedModel.load(folder, SavedModel.DEFAULT_SIGNATURE));
    var whole = Files.readAllBytes(write().resolve(SavedModel.FILE));
    var broken = Files.createDirectory(folder.resolve("broken"));
    var random = new SplittableRandom(1);
    for (int i = 0; i < 100; i++) {
      var bytes = Arrays.copyOf(whole, i % 2 == 0 ? whole.length : random.nextInt(whole.length));
      for (int changes = 0; changes < 3 && bytes.length > 0; changes++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      Files.write(broken.resolve(SavedModel.FILE), bytes);
      try (var model = SavedModel.load(broken, SavedModel.DEFAULT_SIGNATURE)) {
        model.run(List.of(x()));
      } catch (IOException | EngineException e) {
        assertTrue(e.getMessage() != null);
      }
    }
  }
}
