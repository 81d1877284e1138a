package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Convolutions of 3 by 3 with weights that last. */
class OneDnnWinogradTest {
  private static final CompileOptions LASTING =
      new CompileOptions(Set.of(), Map.of(), Set.of(1), CompileOptions.DEFAULT.precision());

  /**
   * Results of even and odd sides, in one tile's row and in several blocks of rows; paddings that
   * differ, and none; one picture and several, divided along rows of tiles and along filters.
   */
  @ParameterizedTest
  @CsvSource({
    "'1,64,14,14', 64, '1,1', '1,1', '1,64,14,14'",
    "'1,64,7,7', 128, '1,1', '1,1', '1,128,7,7'",
    "'1,80,2,33', 96, '1,1', '1,1', '1,96,2,33'",
    "'1,64,3,40', 64, '0,0', '0,0', '1,64,1,38'",
    "'3,64,9,8', 32, '2,0', '1,2', '3,32,10,8'",
    "'1,64,40,37', 64, '0,1', '0,1', '1,64,38,37'",
    "'2,96,30,30', 192, '1,1', '1,1', '2,192,30,30'",
  })
  void areComputedInTiles(String x, int filters, String low, String high, String y) {
    check(x, filters, "1,1", low, high, y, true);
  }

  /** Of strides, of few channels or tiles, of channels or filters that fill no vector. */
  @ParameterizedTest
  @CsvSource({
    "'1,64,14,14', 64, '2,2', '1,64,7,7'",
    "'1,48,14,14', 64, '1,1', '1,64,14,14'",
    "'1,72,14,14', 64, '1,1', '1,64,14,14'",
    "'1,64,14,14', 65, '1,1', '1,65,14,14'",
    "'1,64,6,6', 64, '1,1', '1,64,6,6'",
  })
  void othersAreNot(String x, int filters, String strides, String y) {
    check(x, filters, strides, "1,1", "1,1", y, false);
  }

  private static void check(
      String x, int filters, String strides, String low, String high, String y, boolean inTiles) {
    var graph =
        Graph.parse(
            """
            (%%0: f32[%1$s], %%1: f32[%2$d,%3$s,3,3]) {
              %%2 = convolution[window={strides=[%4$s], low=[%5$s], high=[%6$s], dilation=[1,1]}, groups=1, result=f32] %%0, %%1 : f32[%7$s]
              return %%2
            }"""
                .formatted(x, filters, x.split(",")[1], strides, low, high, y));
    Agreement.check(graph, LASTING);
    var isa = Cpu.detect().cappedTo(Configuration.ofSystem().isa()).isa();
    try (var executable = Engines.compile(graph, Engines.device(OneDnnEngine.NAME), LASTING)) {
      assertEquals(
          inTiles && isa == Isa.AVX512,
          executable.explain().lines().anyMatch(line -> line.startsWith("winograd")),
          executable.explain());
    }
  }

  /**
   * G·g·Gᵀ of g = [[1, 2, 3], [4, 5, 6], [7, 8, 9]] by hand: of its columns 1, 4, 7 first 1, (1 + 4
   * + 7) / 2, (1 − 4 + 7) / 2, 7.
   */
  @Test
  void filtersAreTransformed() {
    try (var arena = Arena.ofConfined()) {
      var from = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4, 5, 6, 7, 8, 9);
      var packing = new WinogradPacking(1, 1, 1);
      var to = arena.allocate(packing.bytes(), 4);
      packing.pack(from.address(), to.address(), 0);
      var want = new float[] {1, 3, 1, 3, 6, 11.25f, 3.75f, 9, 2, 3.75f, 1.25f, 3, 7, 12, 4, 9};
      assertArrayEquals(want, to.toArray(ValueLayout.JAVA_FLOAT));
    }
  }
}
