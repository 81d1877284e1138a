package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.type.Shape;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class IdxTest {
  private static final byte[] TWO_BY_THREE = {
    0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, (byte) 255
  };

  private static Idx read(byte[] bytes) throws IOException {
    return Idx.read(new ByteArrayInputStream(bytes), "test");
  }

  @Test
  void bytesAreUnsigned() throws IOException {
    var idx = read(TWO_BY_THREE);
    assertEquals(Shape.of(2, 3), idx.shape());
    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 255}, idx.toInts());
    assertEquals(1f, idx.toFloats(255)[5]);
  }

  @Test
  void gzippedFilesAreUnpacked() throws IOException {
    var packed = new ByteArrayOutputStream();
    try (var out = new GZIPOutputStream(packed)) {
      out.write(TWO_BY_THREE);
    }
    assertEquals(Shape.of(2, 3), read(packed.toByteArray()).shape());
  }

  @Test
  void whatDoesNotFitItsHeaderIsRefused() {
    var truncated = Arrays.copyOf(TWO_BY_THREE, TWO_BY_THREE.length - 1);
    var longer = Arrays.copyOf(TWO_BY_THREE, TWO_BY_THREE.length + 1);
    byte[] huge = {0, 0, 8, 2, 127, -1, -1, -1, 127, -1, -1, -1};
    byte[] negative = {0, 0, 8, 1, -1, -1, -1, -1};
    byte[] floats = {0, 0, 13, 1, 0, 0, 0, 0};
    for (var bytes : new byte[][] {truncated, longer, huge, negative, floats, {}, {0, 0}}) {
      var error = assertThrows(IOException.class, () -> read(bytes));
      assertTrue(error.getMessage() == null || !error.getMessage().isEmpty());
    }
  }
}
