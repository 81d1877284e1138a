package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A step that fails among others that all threads share. */
class OneDnnFailureTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  @Test
  @Timeout(30)
  void anIndexOutsideOfTheTableFailsTheRunAndNotTheNextOne() {
    var graph =
        Graph.parse(
            """
            (%0: f32[1000,256], %1: i32[2]) {
              %2 = exp %0 : f32[1000,256]
              %3 = gather[axis=0] %2, %1 : f32[2,256]
              %4 = exp %2 : f32[1000,256]
              return %3, %4
            }""");
    try (var executable = Engines.compile(graph, DEVICE, CompileOptions.DEFAULT);
        var table = zeros(graph.inputTypes().get(0));
        var indices = zeros(graph.inputTypes().get(1))) {
      indices.write(MemorySegment.ofArray(new int[] {0, 1000}));
      var thrown =
          assertThrows(EngineException.class, () -> executable.run(List.of(table, indices)));
      assertEquals("gather: index 1000 is outside of [0, 1000)", thrown.getMessage());
      indices.write(MemorySegment.ofArray(new int[] {0, 999}));
      var results = executable.run(List.of(table, indices));
      var first = new float[512];
      results.getFirst().read(MemorySegment.ofArray(first));
      assertEquals(1, first[511]); // e^0
      results.forEach(Buffer::close);
    }
  }

  private static Buffer zeros(TensorType type) {
    var buffer = Engines.get(OneDnnEngine.NAME).allocate(type, DEVICE);
    buffer.write(MemorySegment.ofArray(new byte[(int) type.bytes()]));
    return buffer;
  }
}
