package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  /** One byte of x, eight to a scale: each is off by half of a 127th of the largest at most. */
  @Test
  void inLowPrecisionEightBitsOfXAreRead() {
    int columns = 1024;
    var random = new SplittableRandom(11);
    var weights = new byte[columns / 2];
    random.nextBytes(weights);
    var x = new float[columns];
    for (int i = 0; i < columns; i++) x[i] = (float) random.nextGaussian();
    var w = Tensor.of(TensorType.of(DType.I4, 1, columns), MemorySegment.ofArray(weights));
    var scales = Tensor.of(new float[] {1, 1, 1, 1, 1, 1, 1, 1}, 1, 8);
    double exact = 0;
    double bound = 0;
    for (int i = 0; i < columns; i++) {
      int weight = weights[i / 2] << (i % 2 == 0 ? 28 : 24) >> 28;
      exact += (double) x[i] * weight;
      float largest = 0;
      for (int j = i / 8 * 8; j < i / 8 * 8 + 8; j++) largest = Math.max(largest, Math.abs(x[j]));
      bound += 1.0001 * largest / 254 * Math.abs(weight);
    }
    float got =
        Precision.BF16.call(
            () ->
                Tensor.apply(
                        new TensorOp.QuantizedMatmul(128),
                        List.of(Tensor.of(x, 1, columns), w, scales))
                    .toFloatArray()[0]);
    assertEquals(exact, got, bound);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void whatIsNotFiniteIsSeenInTheResult(float number) {
    var x = new float[128];
    x[77] = number;
    var weights = new byte[64];
    Arrays.fill(weights, (byte) 0x11);
    var w = Tensor.of(TensorType.of(DType.I4, 1, 128), MemorySegment.ofArray(weights));
    var operands = List.of(Tensor.of(x, 1, 128), w, Tensor.of(new float[] {1}, 1, 1));
    float y = Tensor.apply(new TensorOp.QuantizedMatmul(128), operands).toFloatArray()[0];
    assertFalse(Float.isFinite(y), "the result is " + y);
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
