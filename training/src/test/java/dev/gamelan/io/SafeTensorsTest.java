package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafeTensorsTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadBackInEveryDtypeOfTheFormat() throws IOException {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (var dtype : DType.values()) {
      if (dtype.isInteger() && dtype.bits() < 8) continue;
      tensors.put("x." + dtype, Tensor.of(new float[] {1, 2, 0, 4}).convert(dtype));
    }
    tensors.put("scalar", Tensor.scalar(7));
    tensors.put("empty", Tensors.zeros(DType.F32, 0, 3));
    var file = folder.resolve("all.safetensors");
    SafeTensors.write(file, tensors, Map.of("format", "test"));
    var read = SafeTensors.read(file);
    assertEquals(tensors.keySet(), read.keySet());
    for (var name : tensors.keySet()) {
      assertEquals(tensors.get(name).type(), read.get(name).type());
      assertArrayEquals(tensors.get(name).toDoubleArray(), read.get(name).toDoubleArray());
    }
    assertEquals(Map.of("format", "test"), SafeTensors.readMetadata(file));
  }

  @Test
  void nothingIsLeftBesideTheFile() throws IOException {
    SafeTensors.write(folder.resolve("a.safetensors"), Map.of("a", Tensor.scalar(1)));
    SafeTensors.write(folder.resolve("a.safetensors"), Map.of("a", Tensor.scalar(2)));
    try (var files = Files.list(folder)) {
      assertEquals(List.of("a.safetensors"), files.map(f -> f.getFileName().toString()).toList());
    }
  }

  @Test
  void aDtypeThatTheFormatHasNotIsRefused() {
    var packed = Tensor.of(new int[] {1, 2}).convert(DType.I4);
    var file = folder.resolve("a.safetensors");
    assertThrows(
        IllegalArgumentException.class, () -> SafeTensors.write(file, Map.of("a", packed)));
    assertTrue(Files.notExists(file));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}                        | is f32[2]
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}                        | begins at 4
          {"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}                        | dtype "F99"
          {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}                       | of -1
          {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}    | too many
          {"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}                      | of 1.5
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}                          | place
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | begins at 0
          {}                                                                            | 4 bytes of data
          []                                                                            | no object
          {"a":                                                                         | no JSON
          {"a":1,"a":2}                                                                 | no JSON
          """)
  void hostileHeadersAreRefusedWithTheReason(String header, String reason) throws IOException {
    var file = folder.resolve("hostile.safetensors");
    Files.write(file, bytes(header, 4));
    var error = assertThrows(IOException.class, () -> SafeTensors.read(file));
    assertTrue(error.getMessage().contains(reason), error.getMessage());
  }

  @Test
  void damagedFilesNeverDoWorseThanAnException() throws IOException {
    var file = folder.resolve("fuzzed.safetensors");
    SafeTensors.write(file, Map.of("a", Tensor.of(new float[] {1, 2}), "b", Tensor.scalar(3)));
    var good = Files.readAllBytes(file);
    var random = new SplittableRandom(1);
    for (int i = 0; i < 2000; i++) {
      var bytes = Arrays.copyOf(good, random.nextInt(good.length + 1));
      for (int flips = random.nextInt(4); flips > 0 && bytes.length > 0; flips--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(file, bytes);
      try {
        SafeTensors.read(file);
      } catch (IOException expected) {
        assertTrue(expected.getMessage().contains("no safetensors file"), expected.getMessage());
      }
    }
  }

  private static byte[] bytes(String header, int data) {
    var json = header.strip().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + json.length + data)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }
}
