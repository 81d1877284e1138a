package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Iotas that are longer than a constant should be. */
class IotaExpansionTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  private static int[] elements(String type, int axis) {
    var graph =
        Graph.parse(
            "() {\n  %0 = iota[type=TYPE, axis=AXIS] : TYPE\n  return %0\n}"
                .replace("TYPE", type)
                .replace("AXIS", "" + axis));
    try (var executable = Engines.compile(graph, DEVICE, CompileOptions.DEFAULT)) {
      assertTrue(executable.explain().contains("add"), executable.explain());
      var result = executable.run(List.of()).getFirst();
      var elements = new int[(int) result.type().size()];
      result.read(MemorySegment.ofArray(elements));
      return elements;
    }
  }

  @Test
  void countsAlongTheLastAxis() {
    var elements = elements("i32[2,70001]", 1);
    for (int i = 0; i < elements.length; i++) assertEquals(i % 70001, elements[i]);
  }

  @Test
  void countsAlongTheFirstAxis() {
    var elements = elements("u32[70001,2]", 0);
    for (int i = 0; i < elements.length; i++) assertEquals(i / 2, elements[i]);
  }

  /** Beyond 2²⁴ not every integer is a float: 2²⁴ + 1 rounds to 2²⁴, 2²⁴ + 3 to 2²⁴ + 4. */
  @Test
  void floatsAreRoundedOnce() {
    int length = (1 << 24) + 6;
    var elements = elements("f32[%d]".formatted(length), 0);
    for (int i = 0; i < length; i += i < 1 << 23 ? 4099 : 1) {
      assertEquals((float) i, Float.intBitsToFloat(elements[i]));
    }
  }
}
