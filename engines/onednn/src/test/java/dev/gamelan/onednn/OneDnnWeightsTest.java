package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products with weights that last, which are packed. */
class OneDnnWeightsTest {
  private static final CompileOptions LASTING =
      new CompileOptions(Set.of(), Map.of(), Set.of(1), CompileOptions.DEFAULT.precision());

  /**
   * One block of rows and more, all at once and in portions; columns that end inside of a panel;
   * rows that lie 4 KiB apart, which are copied; work for one thread and for several, divided along
   * rows and columns.
   */
  @ParameterizedTest
  @CsvSource({
    "12, 64, 500",
    "13, 1024, 300",
    "128, 768, 96",
    "150, 1024, 33",
    "301, 1024, 47",
    "1000, 200, 17",
    "31, 4096, 64",
    "5, 2048, 64",
    "1, 1024, 1000",
    "11, 768, 500",
  })
  void areMultipliedAsTheyAreAndTransposed(int m, int k, int n) {
    check(
        """
        (%%0: f32[%1$d,%2$d], %%1: f32[%2$d,%3$d]) {
          %%2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %%0, %%1 : f32[%1$d,%3$d]
          return %%2
        }"""
            .formatted(m, k, n));
    check(
        """
        (%%0: f32[%1$d,%2$d], %%1: f32[%3$d,%2$d]) {
          %%2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[1], result=f32] %%0, %%1 : f32[%1$d,%3$d]
          return %%2
        }"""
            .formatted(m, k, n));
  }

  /** Strides, pictures of one to three axes, channels that end inside of a panel. */
  @ParameterizedTest
  @CsvSource({
    "'2,24,15,9', '40,24,1,1', '1,1', '0,0', '2,40,15,9'",
    "'1,128,31,30', '64,128,1,1', '2,2', '0,0', '1,64,16,15'",
    "'3,64,50', '70,64,1', '3', '0', '3,70,17'",
    "'1,32,5,6,7', '48,32,1,1,1', '1,2,1', '0,0,0', '1,48,5,3,7'",
  })
  void convolutionsOfOnePixelAreProducts(
      String x, String filter, String strides, String none, String y) {
    check(
        """
        (%%0: f32[%1$s], %%1: f32[%2$s]) {
          %%2 = convolution[window={strides=[%3$s], low=[%4$s], high=[%4$s], dilation=[%5$s]}, groups=1, result=f32] %%0, %%1 : f32[%6$s]
          return %%2
        }"""
            .formatted(x, filter, strides, none, none.replace('0', '1'), y));
  }

  private static void check(String text) {
    var graph = Graph.parse(text);
    Agreement.check(graph, LASTING);
    var isa = Cpu.detect().cappedTo(Configuration.ofSystem().isa()).isa();
    if (isa != Isa.AVX512) return; // There the library decides what it packs.
    try (var executable = Engines.compile(graph, Engines.device(OneDnnEngine.NAME), LASTING)) {
      assertTrue(
          executable
              .explain()
              .lines()
              .anyMatch(line -> line.startsWith("matmul") && line.contains("packed weights")),
          executable.explain());
    }
  }
}
