package dev.gamelan.mxnet;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SymbolModelTest {
  /** As MXNet writes it: a layer with its weights, then a normalisation with running means. */
  private static final String SYMBOL =
      """
      {"nodes":[
        {"op":"null","name":"data","inputs":[]},
        {"op":"null","name":"w","inputs":[]},
        {"op":"null","name":"b","inputs":[]},
        {"op":"FullyConnected","name":"fc","attrs":{"num_hidden":"2"},"inputs":[[0,0,0],[1,0,0],[2,0,0]]},
        {"op":"null","name":"gamma","inputs":[]},
        {"op":"null","name":"beta","inputs":[]},
        {"op":"null","name":"mean","inputs":[]},
        {"op":"null","name":"var","inputs":[]},
        {"op":"BatchNorm","name":"bn","attrs":{"eps":"0.000001","fix_gamma":"False"},"inputs":[[3,0,0],[4,0,0],[5,0,0],[6,0,1],[7,0,1]]}
      ],"arg_nodes":[0,1,2,4,5,6,7],"node_row_ptr":[0,1,2,3,4,5,6,7,8,11],"heads":[[8,0,0]],
      "attrs":{"mxnet_version":["int",10900]}}""";

  @TempDir Path folder;

  private static HostTensor vector(float... values) {
    return tensor(TensorType.of(DType.F32, values.length), values);
  }

  private static HostTensor tensor(TensorType type, float... values) {
    return new HostTensor(type, MemorySegment.ofArray(values));
  }

  private static HostTensor x() {
    return tensor(TensorType.of(DType.F32, 1, 2), 3, 5);
  }

  private Path parameters() throws IOException {
    var arrays = new LinkedHashMap<String, HostTensor>();
    arrays.put("arg:w", tensor(TensorType.of(DType.F32, 2, 2), 1, 0, 1, 1));
    arrays.put("arg:b", vector(0, 1));
    arrays.put("arg:gamma", vector(2, 3));
    arrays.put("arg:beta", vector(10, 20));
    arrays.put("aux:mean", vector(1, 5));
    arrays.put("aux:var", vector(4, 16));
    arrays.put("arg:of_another_model", vector(7));
    var file = folder.resolve("net-0000.params");
    ParameterFile.write(file, arrays);
    return file;
  }

  private Path symbol() throws IOException {
    return Files.writeString(folder.resolve("net-symbol.json"), SYMBOL);
  }

  private static float[] run(SymbolModel model, HostTensor x) {
    return model.run(List.of(x)).getFirst().bytes().toArray(JAVA_FLOAT);
  }

  @Test
  void itRunsForInferenceWithTheMeansOfItsFile() throws IOException {
    try (var model = SymbolModel.load(symbol(), parameters())) {
      assertEquals("[data: ?[..]]", model.inputs().toString());
      assertEquals("bn", model.outputs().getFirst().name());
      // fc = (3, 3 + 5 + 1); bn = 2 (3 − 1) / 2 + 10 and 3 (9 − 5) / 4 + 20
      for (int i = 0; i < 3; i++) {
        assertArrayEquals(new float[] {12, 23}, run(model, x()), 1e-4f);
      }
    }
  }

  @Test
  void severalThreadsRunOneModelAndAClosedOneIsAnError() throws IOException {
    var model = SymbolModel.load(symbol(), parameters());
    IntStream.range(0, 100).parallel().forEach(i -> assertEquals(12, run(model, x())[0], 1e-4f));
    model.close();
    model.close();
    assertThrows(EngineException.class, () -> model.run(List.of(x())));
  }

  @Test
  void inputsThatItDoesNotTakeAreErrors() throws IOException {
    try (var model = SymbolModel.load(symbol(), parameters())) {
      assertThrows(EngineException.class, () -> model.run(List.of()));
      var wide = tensor(TensorType.of(DType.F32, 1, 3), 1, 2, 3);
      assertThrows(EngineException.class, () -> model.run(List.of(wide)));
      var empty = tensor(TensorType.of(DType.F32, 0, 2));
      assertThrows(EngineException.class, () -> model.run(List.of(empty)));
      assertArrayEquals(new float[] {12, 23}, run(model, x()), 1e-4f);
    }
  }

  @Test
  void filesThatAreNoneAreErrorsAndNeverMore() throws IOException {
    var symbol = symbol();
    var parameters = parameters();
    assertThrows(
        FileNotFoundException.class, () -> SymbolModel.load(folder.resolve("none"), parameters));
    var broken = Files.writeString(folder.resolve("broken.json"), "{\"nodes\":[{}]}");
    assertThrows(IOException.class, () -> SymbolModel.load(broken, parameters));
    for (var change : List.of("[3,0,0] [3,7,0]", "[8,0,0] [9,0,0]", "[0,0,0] [5,0,0]")) {
      var parts = change.split(" ", 2);
      var json = Files.writeString(broken, SYMBOL.replace(parts[0], parts[1]));
      assertThrows(IOException.class, () -> SymbolModel.load(json, parameters), change);
    }
    var whole = Files.readAllBytes(parameters);
    var random = new SplittableRandom(1);
    var file = folder.resolve("broken.params");
    for (int i = 0; i < 300; i++) {
      var bytes = Arrays.copyOf(whole, i % 2 == 0 ? whole.length : random.nextInt(whole.length));
      for (int changes = 0; changes < 3 && bytes.length > 0; changes++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      Files.write(file, bytes);
      try (var model = SymbolModel.load(symbol, file)) {
        model.run(List.of(x()));
      } catch (IOException | EngineException e) {
        assertTrue(e.getMessage() != null);
      }
    }
  }

  @Test
  void arraysComeBackAsTheyWere() throws IOException {
    var arrays = new LinkedHashMap<String, HostTensor>();
    for (var dtype : DataTypes.computed()) {
      var value = HostTensor.allocate(TensorType.of(dtype, 2, 3));
      for (int i = 0; i < value.bytes().byteSize(); i++) {
        value.bytes().set(JAVA_BYTE, i, (byte) (i % 2));
      }
      arrays.put(dtype.toString(), value);
    }
    var file = folder.resolve("all.params");
    ParameterFile.write(file, arrays);
    try (var arena = Arena.ofConfined()) {
      var read = ParameterFile.read(file, arena);
      assertEquals(List.copyOf(arrays.keySet()), List.copyOf(read.keySet()));
      for (var name : arrays.keySet()) {
        var value = read.get(name);
        var before = arrays.get(name);
        assertTrue(value != null && before != null && value.type().equals(before.type()));
        assertEquals(-1, before.bytes().mismatch(value.bytes()));
      }
    }
  }
}
