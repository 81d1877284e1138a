package dev.gamelan.onednn.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of bytes with VNNI's instruction, and with those that every AVX-512 has. */
class QuantizedGemvKernelTest {
  private static final int ROWS = 19;
  private static final int BLOCKS = 3;

  @ParameterizedTest
  @CsvSource({"true, 3", "false, 3", "true, 1"})
  void withoutVnniTheSumsAreTheSame(boolean signed, int bytes) {
    var cpu = Cpu.detect();
    assumeTrue(cpu.isa() == Isa.AVX512 && cpu.has("vnni"), "no VNNI here");
    assertArrayEquals(products(signed, bytes, true), products(signed, bytes, false));
  }

  private static float[] products(boolean signed, int bytes, boolean vnni) {
    var variant = new QuantizedGemvKernel.Variant(signed, true, 1, bytes, vnni);
    var kernel = QuantizedGemvKernel.of(variant).orElseThrow();
    int rowBytes = BLOCKS * QuantizedGemvKernel.BLOCK / 2;
    try (var arena = Arena.ofConfined()) {
      var random = new Random(5);
      var weights = arena.allocate(ROWS * rowBytes, 64);
      for (long i = 0; i < weights.byteSize(); i++) {
        weights.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
      }
      var scales = floats(arena, random, ROWS * BLOCKS);
      var zeros = floats(arena, random, ROWS * BLOCKS);
      var x = arena.allocate(BLOCKS * QuantizedGemvKernel.X_BLOCK, 64);
      for (long i = 0; i < x.byteSize(); i++) {
        // Bytes as they are made, and moderate floats.
        x.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextInt(255) - 127));
      }
      for (int block = 0; block < BLOCKS; block++) {
        for (int lane = 0; lane < 16; lane++) {
          long at = (long) block * QuantizedGemvKernel.X_BLOCK + 4L * lane;
          x.set(ValueLayout.JAVA_INT, at + QuantizedGemvKernel.BIAS, random.nextInt(1 << 20));
          x.set(ValueLayout.JAVA_FLOAT, at + QuantizedGemvKernel.X_SCALE, random.nextFloat());
          x.set(ValueLayout.JAVA_FLOAT, at + QuantizedGemvKernel.X_SUM, random.nextFloat());
        }
      }
      var y = arena.allocate(4 * ROWS, 64);
      var arguments = arena.allocate(8 * QuantizedGemvKernel.ARGUMENTS, 8);
      set(arguments, QuantizedGemvKernel.WEIGHTS, weights.address());
      set(arguments, QuantizedGemvKernel.SCALES, scales.address());
      set(arguments, QuantizedGemvKernel.ZEROS, zeros.address());
      set(arguments, QuantizedGemvKernel.X, x.address());
      set(arguments, QuantizedGemvKernel.Y, y.address());
      set(arguments, QuantizedGemvKernel.ROWS, ROWS);
      set(arguments, QuantizedGemvKernel.STEPS, BLOCKS);
      set(arguments, QuantizedGemvKernel.BLOCKS, 1);
      set(arguments, QuantizedGemvKernel.WEIGHT_STRIDE, rowBytes);
      set(arguments, QuantizedGemvKernel.SCALE_STRIDE, 4 * BLOCKS);
      kernel.run(arguments.address());
      return y.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static MemorySegment floats(Arena arena, Random random, int count) {
    var floats = arena.allocate(4L * count, 64);
    for (int i = 0; i < count; i++)
      floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat());
    return floats;
  }

  private static void set(MemorySegment arguments, int index, long value) {
    arguments.setAtIndex(ValueLayout.JAVA_LONG, index, value);
  }
}
