package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows that are reduced, and then read again. */
class OneDnnRowsTest {
  /** A norm with an operand for each element of a row, one for each row, and one for both. */
  private static String norm(int rows, int length) {
    return """
    (%0: f32[R,L], %1: f32[L], %2: f32[R,1], %3: f32[R,L]) {
      %4 = broadcast_in_dim[shape=[R,L], axes=[0,1]] %2 : f32[R,L]
      %5 = mul %0, %4 : f32[R,L]
      %6 = layer_norm[axes=1, epsilon=1.0E-5] %5, %1, %1 : f32[R,L]
      %7 = exp %6 : f32[R,L]
      %8 = reduce[kind=sum, axes=[1]] %7 : f32[R]
      %9 = broadcast_in_dim[shape=[R,L], axes=[0]] %8 : f32[R,L]
      %10 = div %7, %9 : f32[R,L]
      %11 = add %10, %3 : f32[R,L]
      return %11, %8
    }"""
        .replace("R", "" + rows)
        .replace("L", "" + length);
  }

  @TestFactory
  Stream<DynamicTest> anyNumberOfRowsOfAnyLength() {
    return IntStream.of(1, 2, 3, 4, 6, 7, 64)
        .boxed()
        .flatMap(
            rows ->
                IntStream.of(1, 5, 16, 17, 33, 128, 2048, 2050)
                    .mapToObj(
                        length ->
                            DynamicTest.dynamicTest(
                                rows + " of " + length,
                                () -> Agreement.check(norm(rows, length)))));
  }

  /** The mask of a sequence is the same for all its rows, and another for the next sequence. */
  @TestFactory
  Stream<DynamicTest> anOperandThatOnlyAnOuterLoopMoves() {
    return IntStream.of(1, 2, 3, 8)
        .mapToObj(
            rows ->
                DynamicTest.dynamicTest(
                    rows + " rows",
                    () ->
                        Agreement.check(
                            """
                            (%0: f32[5,R,19], %1: f32[5,1,19]) {
                              %2 = broadcast_in_dim[shape=[5,R,19], axes=[0,1,2]] %1 : f32[5,R,19]
                              %3 = add %0, %2 : f32[5,R,19]
                              %4 = softmax[axis=2] %3 : f32[5,R,19]
                              return %4
                            }"""
                                .replace("R", "" + rows))));
  }

  /** e^(x − max x) down to differences that e^x has no number for, and to the largest there are. */
  @ParameterizedTest
  @ValueSource(strings = {"50.0", "1.0E30", "3.0E38"})
  void aSoftmaxOfAnyRangeIsTheReferences(String scale) {
    Agreement.check(
        """
        (%0: f32[8,37]) {
          %1 = fill[value=f32(SCALE), shape=[8,37]] : f32[8,37]
          %2 = mul %0, %1 : f32[8,37]
          %3 = softmax[axis=1] %2 : f32[8,37]
          return %3
        }"""
            .replace("SCALE", scale));
  }

  @Test
  void whatIsMaskedHasNoShareInASoftmax() {
    Agreement.check(
        """
        (%0: f32[8,37]) {
          %1 = fill[value=f32(0.3), shape=[8,37]] : f32[8,37]
          %2 = fill[value=f32(-Infinity), shape=[8,37]] : f32[8,37]
          %3 = compare[kind=lt] %0, %1 : bool[8,37]
          %4 = select %3, %0, %2 : f32[8,37]
          %5 = softmax[axis=1] %4 : f32[8,37]
          return %5
        }""");
  }

  @ParameterizedTest
  @CsvSource({
    "softmax[axis=1], 64, 768, kernel     32 × 2 × 768",
    "softmax[axis=1], 63, 768, kernel     63 × 768", // It would leave one.
    "softmax[axis=1], 64, 3072, kernel     64 × 3072", // Two would leave the first cache.
    "softmax[axis=1], 4096, 768, kernel     2048 × 2 × 768",
    "'layer_norm[axes=1, epsilon=1.0E-5]', 4096, 768, kernel     2048 × 2 × 768"
  })
  void twoShortRowsAreTakenAtATime(String op, int rows, int length, String begin) {
    boolean norm = op.startsWith("layer");
    var graph =
        "(%0: T, %1: f32[L]) { %2 = OP %0IN : T return %2 }"
            .replace("OP", op)
            .replace("IN", norm ? ", %1, %1" : "")
            .replace("T", "f32[%d,L]".formatted(rows))
            .replace("L", "" + length);
    try (var executable =
        Engines.compile(
            Graph.parse(graph), Engines.device(OneDnnEngine.NAME), CompileOptions.DEFAULT)) {
      assertEquals(begin, executable.explain().split(",", 2)[0]);
    }
  }
}
