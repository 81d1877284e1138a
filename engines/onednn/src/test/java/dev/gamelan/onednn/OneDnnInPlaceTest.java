package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;

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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Donated inputs whose memory outputs take, and those that must not. */
class OneDnnInPlaceTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  /** Rows so short that a buffer lies on the heap, where every run works on a copy. */
  private static final int SMALL = 2;

  private static final int LARGE = 500;

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
      return before != 0 && address(results.getFirst()) == before;
    }
  }

  /** Each of {@code values} {@code width} times. */
  private static float[] rows(int width, float... values) {
    var elements = new float[values.length * width];
    for (int i = 0; i < elements.length; i++) elements[i] = values[i / width];
    return elements;
  }

  @ParameterizedTest
  @ValueSource(ints = {SMALL, LARGE})
  void anUpdateIsWrittenOverWhatItUpdates(int width) {
    boolean inPlace =
        runs(
            """
            (%0: f32[3,w], %1: f32[3,w]) {
              %2 = mul %1, %1 : f32[3,w]
              %3 = sub %0, %2 : f32[3,w]
              return %3
            }"""
                .replace("w", Integer.toString(width)),
            rows(width, 0, -2, -6),
            rows(width, 1, 2, 3),
            rows(width, 1, 2, 3));
    assertEquals(width == LARGE, inPlace);
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

  @ParameterizedTest
  @ValueSource(ints = {SMALL, LARGE})
  void whatIsReadLaterIsKept(int width) {
    boolean inPlace =
        runs(
            """
            (%0: f32[2,w]) {
              %1 = neg %0 : f32[2,w]
              %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[1], result=f32] %1, %0 : f32[2,2]
              return %1, %2
            }"""
                .replace("w", Integer.toString(width)),
            rows(width, -1, -2),
            rows(width, 1, 2));
    assertEquals(false, inPlace);
  }

  @ParameterizedTest
  @ValueSource(ints = {SMALL, LARGE})
  void aSliceIsWrittenIntoACacheWithoutCopyingIt(int width) {
    boolean inPlace =
        runs(
            """
            (%0: f32[4,w], %1: f32[1,w], %2: i32[], %3: i32[]) {
              %4 = dynamic_update_slice %0, %1, %2, %3 : f32[4,w]
              return %4
            }"""
                .replace("w", Integer.toString(width)),
            rows(width, 1, 2, 9, 4),
            rows(width, 1, 2, 3, 4),
            rows(width, 9),
            new int[] {2},
            new int[] {0});
    assertEquals(width == LARGE, inPlace);
  }

  /** The same buffer as the cache and as the update: it is copied after all. */
  @ParameterizedTest
  @ValueSource(ints = {SMALL, LARGE})
  void aBufferThatIsAlsoAnotherInputIsCopied(int width) {
    var graph =
        Graph.parse(
            """
            (%0: f32[2,w], %1: f32[2,w], %2: i32[]) {
              %3 = mul %1, %1 : f32[2,w]
              %4 = dynamic_update_slice %0, %3, %2, %2 : f32[2,w]
              return %4
            }"""
                .replace("w", Integer.toString(width)));
    try (var executable = Engines.compile(graph, DEVICE, CompileOptions.donating(Set.of(0)))) {
      var both = buffer(graph.inputTypes().getFirst(), rows(width, 3, 4));
      long before = address(both);
      var zero = buffer(graph.inputTypes().get(2), new int[] {0});
      var results = executable.run(List.of(both, both, zero));
      assertArrayEquals(rows(width, 9, 16), read(results.getFirst()));
      assertNotSame(both, results.getFirst());
      if (width == LARGE) assertNotEquals(before, address(results.getFirst()));
    }
  }

  private static final String PRODUCT =
      "dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[1], result=f32]";

  /** What is between two products, and whether it is written over the first one's result. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "%3 = tanh %2 : f32[70,70]| true",
        "%3 = softmax[axis=1] %2 : f32[70,70]| true",
        "%3 = log_softmax[axis=1] %2 : f32[70,70]| true",
        "%3 = mul %2, %2 : f32[70,70]| true",
        "%3 = reverse[axes=[0]] %2 : f32[70,70] %4 = add %2, %3 : f32[70,70]| false",
        "%3 = exp %2 : f32[70,70] %4 = reduce[kind=sum, axes=[1]] %3 : f32[70]"
            + " %5 = broadcast_in_dim[shape=[70,70], axes=[0]] %4 : f32[70,70]"
            + " %6 = div %3, %5 : f32[70,70] %7 = add %6, %2 : f32[70,70]| true",
      })
  void whatNobodyReadsAnyMoreGivesItsPlaceToWhatComesOfIt(String between, boolean inPlace) {
    var text =
        "(%0: f32[70,70], %1: f32[70,70]) { %2 = PRODUCT %0, %1 : f32[70,70] BETWEEN %9 = PRODUCT %LAST, %1 : f32[70,70] return %9 }"
            .replace("PRODUCT", PRODUCT)
            .replace("BETWEEN", between)
            .replace("LAST", lastDefined(between));
    check(text, inPlace);
    check(text.replace("return %9", "%10 = add %9, %2 : f32[70,70] return %10"), false);
  }

  private static String lastDefined(String nodes) {
    int defined = nodes.lastIndexOf(" = ");
    return nodes.substring(nodes.lastIndexOf('%', defined) + 1, defined);
  }

  private static void check(String text, boolean inPlace) {
    var graph = Graph.parse(text);
    Agreement.check(graph);
    try (var executable = Engines.compile(graph, DEVICE, CompileOptions.DEFAULT)) {
      assertEquals(inPlace, executable.explain().contains(" in place"), executable.explain());
    }
  }
}
