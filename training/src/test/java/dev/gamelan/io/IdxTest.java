package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxTest {
  private static final byte[] TWO_BY_THREE = {
    0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, (byte) 255
  };

  @TempDir Path folder;

  private static HostArray read(byte[] bytes) throws IOException {
    return Idx.read(new ByteArrayInputStream(bytes), "test");
  }

  @Test
  void bytesAreUnsigned() throws IOException {
    var array = read(TWO_BY_THREE);
    assertEquals("u8[2,3]", array.toString());
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 255}, array.toInts());
    assertArrayEquals(new float[] {3, 4, 255}, array.at(1).toFloats());
  }

  @Test
  void gzippedFilesAreUnpacked() throws IOException {
    var packed = new ByteArrayOutputStream();
    try (var out = new GZIPOutputStream(packed)) {
      out.write(TWO_BY_THREE);
    }
    assertEquals("u8[2,3]", read(packed.toByteArray()).toString());
  }

  @Test
  void elementsAreBigEndian() throws IOException {
    byte[] shorts = {0, 0, 11, 1, 0, 0, 0, 2, 1, 2, -1, -2};
    assertArrayEquals(new int[] {0x102, -2}, read(shorts).toInts());
  }

  @Test
  void whatIsWrittenIsReadBackInEveryDtypeOfTheFormat() throws IOException {
    for (var dtype : new DType[] {DType.U8, DType.I8, DType.I16, DType.I32, DType.F32, DType.F64}) {
      var array = HostArray.of(Tensor.of(new float[] {1, 2, 100, 4}, 2, 2).convert(dtype));
      var file = folder.resolve(dtype + ".idx");
      Idx.write(file, array);
      assertEquals(array.type(), Idx.read(file).type());
      assertArrayEquals(array.toFloats(), Idx.read(file).toFloats());
    }
    var half = HostArray.of(Tensor.of(new float[] {1}).convert(DType.F16));
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> Idx.write(folder.resolve("f16.idx"), half));
    assertTrue(error.getMessage().contains("idx has no f16"), error.getMessage());
  }

  @Test
  void whatDoesNotFitItsHeaderIsRefused() {
    var truncated = Arrays.copyOf(TWO_BY_THREE, TWO_BY_THREE.length - 1);
    var longer = Arrays.copyOf(TWO_BY_THREE, TWO_BY_THREE.length + 1);
    byte[] huge = {0, 0, 8, 3, 127, -1, -1, -1, 127, -1, -1, -1, 127, -1, -1, -1};
    byte[] large = {0, 0, 8, 2, 0, 127, -1, -1, 0, 0, 127, -1};
    byte[] negative = {0, 0, 8, 1, -1, -1, -1, -1};
    byte[] unknown = {0, 0, 10, 1, 0, 0, 0, 0};
    for (var bytes : new byte[][] {truncated, longer, huge, large, negative, unknown, {}, {0, 0}}) {
      var error = assertThrows(IOException.class, () -> read(bytes));
      assertTrue(error.getMessage().startsWith("test: "), error.getMessage());
    }
  }
}
