package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import org.junit.jupiter.api.Test;

/** What becomes one step, and by which means. */
class LoweringTest {
  /** The first word of each step's line. */
  private static String steps(String graph) {
    try (var executable =
        Engines.compile(
            Graph.parse(graph), Engines.device(OneDnnEngine.NAME), CompileOptions.DEFAULT)) {
      return String.join(
          " ", executable.explain().lines().map(line -> line.split(" ", 2)[0]).toList());
    }
  }

  @Test
  void softmaxIsOneKernel() {
    assertEquals(
        "kernel", steps("(%0: f32[8,64]) { %1 = softmax[axis=1] %0 : f32[8,64] return %1 }"));
  }

  @Test
  void aLayerNormWithWhatComesBeforeAndAfterIsOneKernel() {
    assertEquals(
        "kernel",
        steps(
            """
            (%0: f32[8,64], %1: f32[8,64], %2: f32[64], %3: f32[64]) {
              %4 = add %0, %1 : f32[8,64]
              %5 = layer_norm[axes=1, epsilon=1.0E-5] %4, %2, %3 : f32[8,64]
              %6 = gelu[tanh=false] %5 : f32[8,64]
              return %6, %4
            }"""));
  }

  @Test
  void gatesThatAreCutFromASumAreOneKernel() {
    assertEquals(
        "kernel",
        steps(
            """
            (%0: f32[8,64], %1: f32[8,64]) {
              %2 = add %0, %1 : f32[8,64]
              %3 = slice[starts=[0,0], limits=[8,32], strides=[1,1]] %2 : f32[8,32]
              %4 = slice[starts=[0,32], limits=[8,64], strides=[1,1]] %2 : f32[8,32]
              %5 = logistic %3 : f32[8,32]
              %6 = mul %5, %4 : f32[8,32]
              return %6
            }"""));
  }

  /** Three windows of a sum: computed once, not three times. */
  @Test
  void aSumThatIsReadMoreThanOnceIsInMemory() {
    assertEquals(
        "kernel kernel",
        steps(
            """
            (%0: f32[10]) {
              %1 = exp %0 : f32[10]
              %2 = slice[starts=[0], limits=[8], strides=[1]] %1 : f32[8]
              %3 = slice[starts=[1], limits=[9], strides=[1]] %1 : f32[8]
              %4 = slice[starts=[2], limits=[10], strides=[1]] %1 : f32[8]
              %5 = add %2, %3 : f32[8]
              %6 = add %5, %4 : f32[8]
              return %6
            }"""));
  }

  @Test
  void whatIsReadTransposedIsNotCopiedForAMatmul() {
    assertEquals(
        "matmul kernel",
        steps(
            """
            (%0: f32[16,8], %1: f32[16,4]) {
              %2 = transpose[permutation=[1,0]] %0 : f32[8,16]
              %3 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %2, %1 : f32[8,4]
              %4 = relu %3 : f32[8,4]
              return %4
            }"""));
  }

  /** a → b → c with b elsewhere: a and c in one unit would wait for each other. */
  @Test
  void unitsNeverWaitForEachOther() {
    assertEquals(
        "kernel reference kernel",
        steps(
            """
            (%0: f32[9]) {
              %1 = exp %0 : f32[9]
              %2 = atan2 %1, %0 : f32[9]
              %3 = add %1, %2 : f32[9]
              return %3
            }"""));
  }

  @Test
  void movementAloneCostsOneCopy() {
    assertEquals(
        "copy",
        steps(
            """
            (%0: f32[8,16]) {
              %1 = transpose[permutation=[1,0]] %0 : f32[16,8]
              %2 = slice[starts=[2,0], limits=[10,8], strides=[2,1]] %1 : f32[4,8]
              %3 = reverse[axes=[0]] %2 : f32[4,8]
              return %3
            }"""));
  }
}
