package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
          {"a":{"dtype":"F32","data_offsets":[0,4]}}                                    | no shape
          {"a":{"dtype":"","shape":[4],"data_offsets":[0,4]}}                           | dtype ""
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}                       | of -4
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"x":1}} | no text
          []                                                                            | no object
          {"a":                                                                         | no JSON
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | Duplicate
          {"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}          | Duplicate
          {"a":1}                                                                       | is no object
          {"a":{"shape":[1],"data_offsets":[0,4]}}                                      | no dtype
          {"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}                          | of 1
          {"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}                      | of [
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808]}}      | of 9223372036854775808
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":[]}      | metadata is no object
          """)
  void hostileHeadersAreRefusedWithTheReason(String header, String reason) throws IOException {
    var file = folder.resolve("hostile.safetensors");
    Files.write(file, bytes(header, 4));
    var error = assertThrows(IOException.class, () -> SafeTensors.read(file));
    assertTrue(error.getMessage().contains(reason), error.getMessage());
  }

  @Test
  void namesThatAreNoUtf8AreRefused() throws IOException {
    var file = folder.resolve("latin.safetensors");
    var bytes = bytes("{\"\u00e9\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
    bytes[10] = (byte) 0xe9; // The first byte of two becomes Latin-1's letter.
    Files.write(file, bytes);
    var error = assertThrows(IOException.class, () -> SafeTensors.read(file));
    assertTrue(error.getMessage().contains("no UTF-8"), error.getMessage());
  }

  @Test
  void aHeaderThatClaimsMoreThanTheFileCostsNoMemory() throws IOException {
    var file = folder.resolve("forged.safetensors");
    for (long length : new long[] {1L << 62, -1, 99_999_999, 17, 1}) {
      var bytes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
      Files.write(file, bytes);
      var error = assertThrows(IOException.class, () -> SafeTensors.read(file));
      assertTrue(error.getMessage().contains("does not fit"), error.getMessage());
    }
  }

  @Test
  void arraysOfTheHostAreWrittenAsTensorsAre() throws IOException {
    var tensor = Tensor.of(new float[] {1, 2, 3});
    SafeTensors.write(folder.resolve("t"), Map.of("a", tensor), Map.of("k", "v"));
    var arrays = Map.of("a", HostArray.of(tensor));
    SafeTensors.writeArrays(folder.resolve("a"), arrays, Map.of("k", "v"));
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("t")), Files.readAllBytes(folder.resolve("a")));
  }

  @Test
  void aMappedFileIsReadWhereItIsLookedAt() throws IOException {
    var file = folder.resolve("mapped.safetensors");
    SafeTensors.write(file, Map.of("a", Tensor.of(new float[] {1, 2, 3})), Map.of("k", "v"));
    try (var mapped = SafeTensors.open(file)) {
      assertEquals("f32[3]", mapped.arrays().get("a").toString());
      assertEquals(3f, mapped.arrays().get("a").at(2).toFloats()[0]);
      assertEquals(Map.of("k", "v"), mapped.metadata());
    }
  }

  /** The file is sparse: it has a header and a last byte, and takes no space in between. */
  @Test
  void filesBeyondTwoGigabytesAreMapped() throws IOException {
    var file = folder.resolve("large.safetensors");
    long size = 3L << 30;
    var header =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[3,1073741824],\"data_offsets\":[0,%d]}}"
            .formatted(size);
    Files.write(file, bytes(header, 0));
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(out.length() + size);
      out.seek(out.length() - 1);
      out.write(7);
    }
    try (var mapped = SafeTensors.open(file)) {
      var bytes = mapped.arrays().get("a").at(2).bytes();
      assertEquals(7, bytes.get(ValueLayout.JAVA_BYTE, bytes.byteSize() - 1));
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
