package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NpyTest {
  @TempDir Path folder;

  private static Path resource(String name) throws Exception {
    return Path.of(Objects.requireNonNull(NpyTest.class.getResource(name), name).toURI());
  }

  /**
   * Arrays of 0, 1, … 5 in every order and dtype that NumPy writes; made by
   * tools/golden_formats.py.
   */
  @Test
  void filesOfNumPyAreRead() throws Exception {
    var arrays = Npz.read(resource("numpy.npz"));
    assertEquals(20, arrays.size());
    arrays.forEach(
        (name, array) -> {
          if (name.startsWith("b1")) {
            assertArrayEquals(new int[] {0, 1, 1, 1, 1, 1}, array.toInts(), name);
          } else if (name.equals("empty")) {
            assertEquals("f32[0,3]", array.toString());
          } else if (name.equals("scalar")) {
            assertEquals("f64[]", array.toString());
            assertEquals(2.5f, array.toFloats()[0]);
          } else {
            assertEquals("[2,3]", array.shape().toString(), name);
            assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, array.toFloats(), name);
          }
        });
    var compressed = Npz.read(resource("numpy-compressed.npz"));
    assertArrayEquals(
        IntStream.range(0, 1000).toArray(), compressed.get("a").toInts(), "compressed");
  }

  @Test
  void whatIsWrittenIsReadBackInEveryDtypeOfTheFormat() throws IOException {
    var all = new LinkedHashMap<String, HostArray>();
    for (var dtype : DType.values()) {
      var array = Tensor.of(new float[] {1, 0, 1, 2, 4, 1}, 2, 3).convert(dtype);
      var file = folder.resolve(dtype + ".npy");
      if (Npy.name(dtype).isEmpty()) {
        assertThrows(
            IllegalArgumentException.class,
            () -> Npy.write(file, HostArray.of(array)),
            file::toString);
        continue;
      }
      Npy.write(file, HostArray.of(array));
      var read = Npy.read(file);
      assertEquals(array.type(), read.type());
      assertArrayEquals(array.toFloatArray(), read.toFloats());
      all.put(dtype.toString(), read);
    }
    all.put("scalar", HostArray.scalar(3));
    all.put("empty", HostArray.of(Tensors.zeros(DType.F32, 2, 0)));
    Npz.write(folder.resolve("all.npz"), all);
    var read = Npz.read(folder.resolve("all.npz"));
    assertEquals(List.copyOf(all.keySet()), List.copyOf(read.keySet()));
    all.forEach((name, array) -> assertArrayEquals(array.toFloats(), read.get(name).toFloats()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      textBlock =
          """
          {'descr': '<f4', 'fortran_order': False, 'shape': (2,), } ~ 4 bytes of data
          {'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), } ~ its shape is
          {'descr': '<f4', 'fortran_order': False, 'shape': (4000000000,4000000000)} ~ its shape is
          {'descr': '<f4', 'fortran_order': False, 'shape': (-1,), } ~ its shape is
          {'descr': '|O', 'fortran_order': False, 'shape': (1,), } ~ its dtype is '|O'
          {'descr': '<c8', 'fortran_order': False, 'shape': (1,), } ~ its dtype is '<c8'
          {'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), } ~ its header is
          {'descr': '<f4', 'fortran_order': 1, 'shape': (1,), } ~ its header is
          {'descr': '<f4', 'shape': (1,), } ~ its header is
          {'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 'y'} ~ the key 'x'
          {'descr': '<f4' 'fortran_order': False, 'shape': (1,)} ~ its header is
          __import__('os') ~ no dictionary
          """,
      quoteCharacter = '"')
  void hostileHeadersAreRefusedWithTheReason(String header, String reason) throws IOException {
    var file = folder.resolve("hostile.npy");
    Files.write(file, bytes(header, 4));
    var error = assertThrows(IOException.class, () -> Npy.read(file));
    assertTrue(error.getMessage().contains(reason), error.getMessage());
  }

  private static byte[] bytes(String header, int data) {
    var out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    out.write(header.length());
    out.write(header.length() >> 8);
    out.writeBytes(header.getBytes(StandardCharsets.UTF_8));
    out.writeBytes(new byte[data]);
    return out.toByteArray();
  }

  /** The file is sparse and takes no space between its header and its last byte. */
  @Test
  void filesBeyondTwoGigabytesAreMapped() throws IOException {
    var file = folder.resolve("large.npy");
    Files.write(
        file, bytes("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1073741824)}", 0));
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(out.length() + (3L << 30));
      out.seek(out.length() - 1);
      out.write(9);
    }
    var last = Npy.read(file).at(2).bytes();
    assertEquals(9, last.get(ValueLayout.JAVA_BYTE, last.byteSize() - 1));
  }
}
