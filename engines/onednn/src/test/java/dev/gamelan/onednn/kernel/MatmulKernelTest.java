package dev.gamelan.onednn.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.onednn.code.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Products, and what is added to them, against sums in f64, for sizes on each side of every block.
 */
class MatmulKernelTest {
  private static final int[] ROWS = {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 20, 25};
  private static final int[] COLUMNS = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65};
  private static final int[] DEPTHS = {0, 1, 5, 33};

  static Stream<Isa> isas() {
    return KernelRun.isas();
  }

  @ParameterizedTest
  @MethodSource("isas")
  void productsAreSumsOfProducts(Isa isa) {
    var kernel = MatmulKernel.of(isa).orElseThrow();
    for (int m : ROWS) {
      for (int n : COLUMNS) {
        for (int k : DEPTHS) {
          check(kernel, m, n, k, false, false);
          check(kernel, m, n, k, true, false);
          check(kernel, m, n, k, false, true);
        }
      }
    }
  }

  private static void check(
      MatmulKernel kernel, int m, int n, int k, boolean transposed, boolean inPanels) {
    var random = new SplittableRandom(m * 31L + n);
    try (var arena = Arena.ofConfined()) {
      var a = fill(arena, m * k, random);
      var b = fill(arena, k * n, random);
      int width = kernel.blockColumns();
      var panels = panels(arena, b, k, n, width);
      var c = arena.allocate(4L * m * n + 4, 4);
      c.fill((byte) 0x55);
      var arguments = arena.allocate(8L * MatmulKernel.ARGUMENTS, 8);
      long[] values = {
        m,
        n,
        k,
        a.address(),
        transposed ? 4 : 4L * k,
        transposed ? 4L * m : 4,
        inPanels ? panels.address() : b.address(),
        inPanels ? 4L * width : 4L * n,
        c.address(),
        4L * n,
        inPanels ? 4L * width * k : 4L * width,
        inPanels ? 64 : 0,
        0
      };
      for (int i = 0; i < values.length; i++) {
        arguments.setAtIndex(ValueLayout.JAVA_LONG, i, values[i]);
      }
      kernel.run(arguments.address());
      arguments.setAtIndex(ValueLayout.JAVA_LONG, MatmulKernel.ADDS, 1);
      kernel.run(arguments.address());
      for (int row = 0; row < m; row++) {
        for (int column = 0; column < n; column++) {
          double want = 0;
          for (int i = 0; i < k; i++) {
            int at = transposed ? i * m + row : row * k + i;
            want += (double) get(a, at) * get(b, i * n + column);
          }
          assertEquals(2 * want, get(c, row * n + column), 1e-5, "%d × %d × %d".formatted(m, n, k));
        }
      }
      assertEquals(0x55555555, c.getAtIndex(ValueLayout.JAVA_INT, (long) m * n));
    }
  }

  /** B in blocks of columns, one behind the other; what is behind the last column is NaN. */
  private static MemorySegment panels(Arena arena, MemorySegment b, int k, int n, int width) {
    int count = Math.ceilDiv(n, width);
    var panels = arena.allocate(Math.max(4L * count * k * width, 4), 4);
    for (int i = 0; i < count * k * width; i++) {
      int row = i / width % k;
      int column = i / (k * width) * width + i % width;
      float element = column < n ? get(b, row * n + column) : Float.NaN;
      panels.setAtIndex(ValueLayout.JAVA_FLOAT, i, element);
    }
    return panels;
  }

  private static MemorySegment fill(Arena arena, int count, SplittableRandom random) {
    var memory = arena.allocate(Math.max(4L * count, 4), 4);
    for (int i = 0; i < count; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextDouble() - 0.5));
    }
    return memory;
  }

  private static float get(MemorySegment memory, int index) {
    return memory.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }
}
