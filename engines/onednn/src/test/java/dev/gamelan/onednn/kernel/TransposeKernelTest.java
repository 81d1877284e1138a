package dev.gamelan.onednn.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class TransposeKernelTest {
  private static final int FILLER = 0x55555555;

  /** Sizes around one, two and three tiles, with gaps between rows that must stay as they are. */
  @Test
  void columnsBecomeRows() {
    var kernel = TransposeKernel.of().orElseThrow();
    for (int rows = 8; rows <= 25; rows++) {
      for (int columns = 8; columns <= 25; columns++) check(kernel, rows, columns);
    }
  }

  private static void check(TransposeKernel kernel, int rows, int columns) {
    int sourceStride = rows + 3;
    int targetStride = columns + 2;
    try (var arena = Arena.ofConfined()) {
      var source = arena.allocate(4L * columns * sourceStride, 4);
      var target = arena.allocate(4L * rows * targetStride, 4);
      for (int i = 0; i < columns * sourceStride; i++) {
        source.setAtIndex(ValueLayout.JAVA_INT, i, i);
      }
      target.fill((byte) 0x55);
      var arguments = arena.allocate(8L * TransposeKernel.ARGUMENTS, 8);
      long[] values = {
        source.address(), 4L * sourceStride, target.address(), 4L * targetStride, rows, columns
      };
      for (int i = 0; i < values.length; i++) {
        arguments.setAtIndex(ValueLayout.JAVA_LONG, i, values[i]);
      }
      kernel.run(arguments.address());
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < targetStride; j++) {
          int expected = j < columns ? j * sourceStride + i : FILLER;
          int actual = target.getAtIndex(ValueLayout.JAVA_INT, i * targetStride + j);
          assertEquals(expected, actual, rows + "×" + columns + " at " + i + ", " + j);
        }
      }
    }
  }
}
