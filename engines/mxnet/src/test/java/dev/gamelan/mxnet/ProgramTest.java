package dev.gamelan.mxnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import org.junit.jupiter.api.Test;

/** How a graph is cut into steps. */
class ProgramTest {
  private static final Device DEVICE = new Device(MxNetEngine.NAME, 0);

  @Test
  void aGraphThatMxNetHasEveryOpForIsOneCall() {
    var steps =
        steps(
            """
            (%0: f32[4,8], %1: f32[8,2]) {
              %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], \
            rightContracting=[0], result=f32] %0, %1 : f32[4,2]
              %3 = tanh %2 : f32[4,2]
              return %3
            }""");
    assertTrue(steps.contains("batch_dot") && steps.contains("tanh"), steps);
    assertFalse(steps.contains("on the host"), steps);
  }

  @Test
  void twoGapsWithNothingBetweenThemAreOneHostStep() {
    var steps =
        steps(
            """
            (%0: f32[8]) {
              %1 = exp %0 : f32[8]
              %2 = bitcast[to=i32] %1 : i32[8]
              %3 = bitcast[to=f32] %2 : f32[8]
              %4 = exp %3 : f32[8]
              return %4
            }""");
    assertEquals(2, steps.split("on the host", -1).length, steps);
    assertEquals(3, steps.split("\"op\":\"exp\"", -1).length, steps);
  }

  @Test
  void whatIsLargerThanMxNetCountsIsRefusedWithAWayOut() {
    var type = TensorType.of(DType.U8, Integer.MAX_VALUE);
    var refused =
        assertThrows(
            EngineException.class, () -> Engines.get(MxNetEngine.NAME).allocate(type, DEVICE));
    assertTrue(refused.getMessage().contains("use another engine"), refused.getMessage());
    var graph =
        Graph.parse("(%0: u8[2147483647]) {\n  %1 = not %0 : u8[2147483647]\n  return %1\n}");
    var early =
        assertThrows(
            EngineException.class, () -> Engines.compile(graph, DEVICE, CompileOptions.DEFAULT));
    assertTrue(early.getMessage().contains("use another engine"), early.getMessage());
  }

  private static String steps(String graph) {
    try (var executable = Engines.compile(Graph.parse(graph), DEVICE, CompileOptions.DEFAULT)) {
      return executable.explain();
    }
  }
}
