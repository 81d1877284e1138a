package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Donated inputs whose memory outputs take, and those that must not. */
class OneDnnInPlaceTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  private static Buffer buffer(TensorType type, Object elements) {
    var buffer = Engines.get(OneDnnEngine.NAME).allocate(type, DEVICE);
    buffer.write(
        elements instanceof int[] ints
            ? MemorySegment.ofArray(ints)
            : MemorySegment.ofArray((float[]) elements));
    return buffer;
  }

  private static long address(Buffer buffer) {
    return buffer.host().orElseThrow().address();
  }

  private static float[] read(Buffer buffer) {
    var elements = new float[(int) buffer.type().size()];
    buffer.read(MemorySegment.ofArray(elements));
    return elements;
  }

  /** Whether the first output took the memory of the first input, which is donated. */
  private static boolean runs(String text, float[] expected, Object... inputs) {
    var graph = Graph.parse(text);
    try (var executable = Engines.compile(graph, DEVICE, CompileOptions.donating(Set.of(0)))) {
      var buffers = new ArrayList<Buffer>();
      for (int i = 0; i < inputs.length; i++) {
        buffers.add(buffer(graph.inputTypes().get(i), inputs[i]));
      }
      long before = address(buffers.getFirst());
      var results = executable.run(buffers);
      assertArrayEquals(expected, read(results.getFirst()), 1e-6f);
      return address(results.getFirst()) == before;
    }
  }

  @Test
  void anUpdateIsWrittenOverWhatItUpdates() {
    boolean inPlace =
        runs(
            """
            (%0: f32[3], %1: f32[3]) {
              %2 = mul %1, %1 : f32[3]
              %3 = sub %0, %2 : f32[3]
              return %3
            }""",
            new float[] {0, -2, -6}, new float[] {1, 2, 3}, new float[] {1, 2, 3});
    assertEquals(true, inPlace);
  }

  @Test
  void whatIsAlsoReadInAnotherOrderIsRight() {
    runs(
        """
        (%0: f32[3]) {
          %1 = reverse[axes=[0]] %0 : f32[3]
          %2 = mul %1, %1 : f32[3]
          %3 = add %0, %2 : f32[3]
          return %3
        }""",
        new float[] {10, 6, 4}, new float[] {1, 2, 3});
  }

  /** 1 + 2 + 3 = 6 is subtracted from each: the row is read twice. */
  @Test
  void whatIsReadAfterAReductionOfItselfIsRight() {
    runs(
        """
        (%0: f32[3]) {
          %1 = reduce[kind=sum, axes=[0]] %0 : f32[]
          %2 = broadcast_in_dim[shape=[3], axes=[]] %1 : f32[3]
          %3 = sub %0, %2 : f32[3]
          return %3
        }""",
        new float[] {-5, -4, -3}, new float[] {1, 2, 3});
  }

  @Test
  void whatIsReadLaterIsKept() {
    boolean inPlace =
        runs(
            """
            (%0: f32[2,2]) {
              %1 = neg %0 : f32[2,2]
              %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %1, %0 : f32[2,2]
              return %1, %2
            }""",
            new float[] {-1, -2, -3, -4}, new float[] {1, 2, 3, 4});
    assertEquals(false, inPlace);
  }

  @Test
  void aSliceIsWrittenIntoACacheWithoutCopyingIt() {
    boolean inPlace =
        runs(
            """
            (%0: f32[4,2], %1: f32[1,2], %2: i32[], %3: i32[]) {
              %4 = dynamic_update_slice %0, %1, %2, %3 : f32[4,2]
              return %4
            }""",
            new float[] {1, 2, 3, 4, 9, 9, 7, 8},
            new float[] {1, 2, 3, 4, 5, 6, 7, 8},
            new float[] {9, 9},
            new int[] {2},
            new int[] {0});
    assertEquals(true, inPlace);
  }

  /** The same buffer as the cache and as the update: it is copied after all. */
  @Test
  void aBufferThatIsAlsoAnotherInputIsCopied() {
    var graph =
        Graph.parse(
            """
            (%0: f32[2], %1: f32[2], %2: i32[]) {
              %3 = mul %1, %1 : f32[2]
              %4 = dynamic_update_slice %0, %3, %2 : f32[2]
              return %4
            }""");
    try (var executable = Engines.compile(graph, DEVICE, CompileOptions.donating(Set.of(0)))) {
      var both = buffer(graph.inputTypes().getFirst(), new float[] {3, 4});
      long before = address(both);
      var zero = buffer(graph.inputTypes().get(2), new int[] {0});
      var results = executable.run(List.of(both, both, zero));
      assertArrayEquals(new float[] {9, 16}, read(results.getFirst()));
      assertNotEquals(before, address(results.getFirst()));
    }
  }
}
