package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.Device;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PacksTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  private final BlockPool pool = new BlockPool(1 << 20);

  private OneDnnBuffer packed(long size, MemorySegment weights) {
    var buffer = OneDnnBuffer.of(TensorType.of(DType.F32, size, size), DEVICE, pool);
    var transposed = new Packing.Panels(size, size, Float.BYTES, size * Float.BYTES, 16);
    buffer.packs().get(weights.address(), 0, transposed);
    return buffer;
  }

  /** [[0, 1, 2], [3, 4, 5]] in panels of two columns, from rows and from columns. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void panelsHaveTheirRowsOneBehindTheOther(boolean transposed) {
    try (var arena = Arena.ofConfined()) {
      var from =
          transposed
              ? arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0, 3, 1, 4, 2, 5)
              : arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0, 1, 2, 3, 4, 5);
      var packing =
          transposed ? new Packing.Panels(2, 3, 4, 8, 2) : new Packing.Panels(2, 3, 12, 4, 2);
      assertEquals(32, packing.bytes());
      var to = arena.allocate(32, 4);
      packing.pack(from.address(), to.address());
      var want = new float[] {0, 1, 3, 4, 2, 0, 5, 0};
      assertArrayEquals(want, to.toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {16, 64})
  void whatWasPackedGoesWhenItsBufferIsClosed(long size) {
    try (var arena = Arena.ofConfined()) {
      var buffer = packed(size, arena.allocate(4 * size * size, 4));
      assertEquals(0, pool.idleBytes());
      buffer.close();
    }
    long blocks = OneDnnBuffer.isSmall(4 * size * size) ? 1 : 2; // The weights' own, too.
    assertEquals(4 * size * size * blocks, pool.idleBytes());
  }

  /** Nobody has to close a small buffer: its 1 KiB of packed weights lies idle in the end. */
  @Test
  void whatWasPackedOfASmallBufferGoesWithIt() throws InterruptedException {
    try (var arena = Arena.ofConfined()) {
      assertEquals(false, packed(16, arena.allocate(1024, 4)).needsClosing());
    }
    for (int i = 0; i < 100 && pool.idleBytes() == 0; i++) {
      System.gc();
      Thread.sleep(20);
    }
    assertEquals(1024, pool.idleBytes());
  }
}
