package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.Image;
import dev.gamelan.nn.Linear;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.train.Progress;
import dev.gamelan.train.TensorBoardWriter;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Writes one file of each format to target/interoperability, for tools/check_formats.py to read.
 */
class InteroperabilityTest {
  private static final Path FOLDER = Path.of("target", "interoperability");

  @Test
  void filesForPythonAreWritten() throws IOException {
    var tensors = new LinkedHashMap<String, Tensor>();
    var arrays = new LinkedHashMap<String, HostArray>();
    for (var dtype : DType.values()) {
      var tensor = Tensor.of(new float[] {0, 1, 2, 4, 1, 0}, 2, 3).convert(dtype);
      if (!SafeTensorsHeader.name(dtype).isEmpty()) tensors.put(dtype.toString(), tensor);
      if (!Npy.name(dtype).isEmpty()) arrays.put(dtype.toString(), HostArray.of(tensor));
    }
    SafeTensors.write(FOLDER.resolve("all.safetensors"), tensors, Map.of("made by", "gamelan é"));
    Npz.write(FOLDER.resolve("all.npz"), arrays);
    Npy.write(FOLDER.resolve("one.npy"), HostArray.of(new float[] {1, 2, 3}));
    Idx.write(FOLDER.resolve("one.idx"), HostArray.of(new int[] {1, 2, 3, 70000}, 2, 2));
    writeEvents();
    assertTrue(Files.size(FOLDER.resolve("all.safetensors")) > 0);
  }

  private static void writeEvents() throws IOException {
    var folder = FOLDER.resolve("events");
    Files.createDirectories(folder);
    try (var old = Files.newDirectoryStream(folder)) {
      for (var file : old) Files.delete(file);
    }
    try (var writer = TensorBoardWriter.open(folder)) {
      for (int step = 1; step <= 5; step++) {
        writer.afterStep(new Progress(0, step - 1, 5, step, 5, 1f / step, 0.01));
      }
      writer.afterValidation(
          new Progress(0, 2, 5, 3, 5, 0.2f, 0.01), Map.of("validation loss", 0.25));
      writer.histogram("weights", 3, Tensors.range(DType.F32, 100));
      writer.image("picture", 3, Image.of(new float[] {1, 0, 0, 1, 0, 0}, 3, 1, 2));
      writer.text("note", 3, "*hello*");
      var model = new Linear(3, 2);
      model.initialize(RandomKey.of(1));
      writer.graph(
          Tensors.trace(
              in -> List.of(model.forward(in.getFirst()).softmax(1)),
              List.of(TensorType.of(DType.F32, 4, 3))));
    }
    // A training that goes on after step 3: steps 4 and 5 are done again.
    try (var writer = TensorBoardWriter.open(folder)) {
      writer.beforeTraining(3);
      writer.afterStep(new Progress(0, 3, 5, 4, 5, 0.75f, 0.01));
    }
  }
}
