package dev.gamelan.onednn;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * 4-bit weights against the reference, which widens them: groups smaller than a vector, equal to
 * one and larger, with and without zero points, and more rows than the kernel takes.
 */
class OneDnnQuantizedTest {
  @TestFactory
  Stream<DynamicTest> productsWithFourBitWeightsAreThoseOfTheReference() {
    var tests = new ArrayList<DynamicTest>();
    for (var dtype : List.of("u4", "i4")) {
      for (long group : new long[] {8, 32, 64, 128, 256}) {
        for (boolean zeros : new boolean[] {false, true}) {
          tests.add(test(dtype, "[1,512]", "[1,33]", 33, 512, group, zeros));
        }
      }
      tests.add(test(dtype, "[2,2,256]", "[2,2,1]", 1, 256, 128, true));
      tests.add(test(dtype, "[5,256]", "[5,17]", 17, 256, 64, true));
      tests.add(test(dtype, "[1,1024]", "[1,301]", 301, 1024, 128, true));
      tests.add(test(dtype, "[1,96]", "[1,7]", 7, 96, 32, false));
    }
    return tests.stream();
  }

  private static DynamicTest test(
      String dtype, String x, String y, long outputs, long columns, long group, boolean zeros) {
    var scales = "f32[%d,%d]".formatted(outputs, columns / group);
    var graph =
        "(%%0: f32%s, %%1: %s[%d,%d], %%2: %s%s) { %%%d = quantized_matmul[group=%d] %%0, %%1, %%2%s : f32%s return %%%d }"
            .formatted(
                x,
                dtype,
                outputs,
                columns,
                scales,
                zeros ? ", %3: " + scales : "",
                zeros ? 4 : 3,
                group,
                zeros ? ", %3" : "",
                y,
                zeros ? 4 : 3);
    var name = "%s in groups of %d%s".formatted(dtype, group, zeros ? " with zero points" : "");
    return DynamicTest.dynamicTest(name + ", x " + x, () -> Agreement.check(graph));
  }
}
