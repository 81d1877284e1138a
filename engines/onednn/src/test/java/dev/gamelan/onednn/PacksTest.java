package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.Device;
import dev.gamelan.onednn.kernel.TransposeKernel;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PacksTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  private static final TransposeKernel TRANSPOSE = TransposeKernel.of().orElseThrow();

  private final BlockPool pool = new BlockPool(1 << 20);

  private OneDnnBuffer packed(long size, MemorySegment weights) {
    var buffer = OneDnnBuffer.of(TensorType.of(DType.F32, size, size), DEVICE, pool);
    var transposed = new Packing.Panels(size, size, Float.BYTES, size * Float.BYTES, 16, TRANSPOSE);
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
          transposed
              ? new Packing.Panels(2, 3, 4, 8, 2, TRANSPOSE)
              : new Packing.Panels(2, 3, 12, 4, 2, TRANSPOSE);
      assertEquals(32, packing.bytes());
      var to = arena.allocate(32, 4);
      for (int piece = 0; piece < 2; piece++) packing.pack(from.address(), to.address(), piece);
      var want = new float[] {0, 1, 3, 4, 2, 0, 5, 0};
      assertArrayEquals(want, to.toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  /**
   * Element (i, j) of 37 × 53 is 100·i + j, in panels of 32 columns and of the 21 that are left.
   */
  @Test
  void whatLiesInColumnsIsTurned() {
    try (var arena = Arena.ofConfined()) {
      var from = arena.allocate(ValueLayout.JAVA_FLOAT, 37 * 53);
      for (int i = 0; i < 37; i++) {
        for (int j = 0; j < 53; j++)
          from.setAtIndex(ValueLayout.JAVA_FLOAT, j * 37 + i, 100 * i + j);
      }
      var packing = new Packing.Panels(37, 53, 4, 4 * 37, 32, TRANSPOSE);
      var to = arena.allocate(packing.bytes(), 4);
      for (int piece = 0; piece < packing.pieces(); piece++) {
        packing.pack(from.address(), to.address(), piece);
      }
      for (int i = 0; i < 37; i++) {
        for (int j = 0; j < 53; j++) {
          int at = j / 32 * 37 * 32 + i * 32 + j % 32;
          assertEquals(100 * i + j, to.getAtIndex(ValueLayout.JAVA_FLOAT, at));
        }
      }
    }
  }

  /** Four threads ask at once: each finds all of it, whoever has packed it. */
  @Test
  @SuppressWarnings("restricted") // The packs have as many bytes as the packing says.
  void whoAsksWhileItIsPackedFindsItWhole() throws Exception {
    int size = 640;
    try (var arena = Arena.ofShared();
        var threads = Executors.newFixedThreadPool(4)) {
      var weights = arena.allocate(ValueLayout.JAVA_FLOAT, (long) size * size);
      for (int i = 0; i < size * size; i++) weights.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 1009);
      var packing = new Packing.Panels(size, size, 4, 4 * size, 32, TRANSPOSE);
      var buffer = OneDnnBuffer.of(TensorType.of(DType.F32, size, size), DEVICE, pool);
      var packs = buffer.packs();
      var sums = new ArrayList<Future<Double>>();
      for (int i = 0; i < 4; i++) {
        sums.add(
            threads.submit(
                () -> {
                  long address = packs.get(weights.address(), 0, packing);
                  var packed = MemorySegment.ofAddress(address).reinterpret(packing.bytes());
                  double sum = 0;
                  for (int k = 0; k < size * size; k++) {
                    sum += packed.getAtIndex(ValueLayout.JAVA_FLOAT, k);
                  }
                  return sum;
                }));
      }
      double want = 0;
      for (int i = 0; i < size * size; i++) want += i % 1009;
      for (var sum : sums) assertEquals(want, sum.get());
      buffer.close();
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
