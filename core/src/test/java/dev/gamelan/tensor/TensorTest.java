package dev.gamelan.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.ir.RandomOp;
import java.util.List;
import org.junit.jupiter.api.Test;

class TensorTest {
  @Test
  void matmulPlusOneIsAsByHand() {
    // [[1 2] [3 4]] · [[1 3] [2 4]] = [[5 11] [11 25]], plus 1.
    var x = Tensor.of(new float[][] {{1, 2}, {3, 4}});
    var y = x.matmul(x.transpose()).add(1).relu();
    assertArrayEquals(new float[] {6, 12, 12, 26}, y.toFloatArray());
    assertEquals("f32[2,2]\n[[6, 12],\n [12, 26]]", y.toString());
  }

  @Test
  void theGradientOfASquareIsTwiceTheNumber() {
    var x = Tensor.of(new float[] {1, -2, 3});
    var step = Gradients.compute(List.of(x), () -> x.square().sum());
    assertEquals(14, step.loss().toFloat());
    assertArrayEquals(new float[] {2, -4, 6}, step.of(x).toFloatArray());
  }

  @Test
  void gradientsNestToSecondDerivatives() {
    // d/dx Σ x³ = 3x²; d/dx Σ 3x² = 6x.
    var x = Tensor.of(new float[] {1, -2});
    var second =
        Gradients.compute(
            List.of(x),
            () -> Gradients.compute(List.of(x), () -> x.mul(x).mul(x).sum()).of(x).sum());
    assertArrayEquals(new float[] {6, -12}, second.of(x).toFloatArray());
  }

  @Test
  void aScanSumsAndItsGradientCountsHowOftenEachTermIsUsed() {
    // Prefix sums of (1, 2, 3): 1, 3, 6. Their sum uses the terms 3, 2 and 1 times.
    var x = Tensor.of(new float[] {1, 2, 3});
    var step =
        Gradients.compute(
            List.of(x),
            () -> {
              var out =
                  Tensors.scan(
                      List.of(Tensor.scalar(0)),
                      List.of(x),
                      (carry, slice) -> {
                        var sum = carry.getFirst().add(slice.getFirst());
                        return new Tensors.Step(List.of(sum), List.of(sum));
                      });
              return out.slices().getFirst().sum();
            });
    assertEquals(10, step.loss().toFloat());
    assertArrayEquals(new float[] {3, 2, 1}, step.of(x).toFloatArray());
  }

  @Test
  void mismatchedShapesAreRefusedWhereTheyAreMade() {
    var x = Tensors.zeros(dev.gamelan.type.DType.F32, 2, 3);
    var refused = assertThrows(IllegalArgumentException.class, () -> x.matmul(x));
    assertTrue(refused.getMessage().contains("f32[2,3]"), refused.getMessage());
  }

  @Test
  void aCompiledStepUpdatesItsParameter() {
    var w = Parameter.of(Tensor.of(new float[] {1, 2}));
    var step =
        CompiledFunction.of(
            arguments -> {
              var gradients =
                  Gradients.compute(List.of(w), () -> w.value().mul(arguments.getFirst()).sum());
              w.assign(w.value().sub(gradients.of(w).mul(0.5)));
              return List.of(gradients.loss());
            });
    var x = Tensor.of(new float[] {2, 4});
    // loss = 2·1 + 4·2 = 10; w becomes (1 − 1, 2 − 2) = (0, 0); then loss = 0, w = (−1, −2).
    assertEquals(10, step.call(x).getFirst().toFloat());
    assertEquals(0, step.call(x).getFirst().toFloat());
    assertArrayEquals(new float[] {-1, -2}, w.value().toFloatArray());
    assertEquals(-10, step.call(x).getFirst().toFloat());
  }

  @Test
  void keysAreFoldedOnTheHostAsOnTheDevice() {
    for (long seed : new long[] {0, 1, -1, 0x123456789abcdefL}) {
      for (int number : new int[] {0, 1, 7, -3, Integer.MIN_VALUE}) {
        var words = RandomKey.of(seed).words();
        var onDevice =
            Tensor.apply(
                new RandomOp.FoldIn(), List.of(words, Tensor.of(new int[] {number}).at(0, 0)));
        var onHost = RandomKey.of(seed).foldIn(number).words();
        assertArrayEquals(onDevice.toIntArray(), onHost.toIntArray());
      }
    }
  }
}
