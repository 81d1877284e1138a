package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Results of 32 MiB and more, which no cache holds until they are read. */
class OneDnnStreamTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  /**
   * x[i]·y[i mod length] with x[i] = i mod 1000 and y[j] = j mod 10. Rows in one loop or two, that
   * are multiples of a line and that are not; a result that is too small.
   */
  @ParameterizedTest
  @CsvSource({"1, 8388635, true", "4096, 2064, true", "4096, 2055, true", "1, 8388607, false"})
  void areWrittenPastTheCaches(int rows, int length, boolean streams) {
    var graph =
        Graph.parse(
            """
            (%0: f32[R,L], %1: f32[L]) {
              %2 = broadcast_in_dim[shape=[R,L], axes=[1]] %1 : f32[R,L]
              %3 = mul %0, %2 : f32[R,L]
              return %3
            }"""
                .replace("R", "" + rows)
                .replace("L", "" + length));
    int size = rows * length;
    try (var x = numbers(1000, rows, length);
        var y = numbers(10, length);
        var executable = Engines.compile(graph, DEVICE, CompileOptions.DEFAULT);
        var result = executable.run(List.of(x, y)).getFirst()) {
      assertEquals(
          streams, executable.explain().contains(" past the caches"), executable.explain());
      var got = new float[size];
      result.read(MemorySegment.ofArray(got));
      for (int i = 0; i < size; i++) {
        float want = i % 1000 * (i % length % 10);
        if (got[i] != want) assertEquals(want, got[i], "element " + i);
      }
    }
  }

  private static Buffer numbers(int end, long... dims) {
    var type = TensorType.of(DType.F32, dims);
    var numbers = new float[(int) type.size()];
    for (int i = 0; i < numbers.length; i++) numbers[i] = i % end;
    var buffer = Engines.get(OneDnnEngine.NAME).allocate(type, DEVICE);
    buffer.write(MemorySegment.ofArray(numbers));
    return buffer;
  }
}
