package dev.gamelan.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.Map;
import org.junit.jupiter.api.Test;

class QuantizedLinearTest {
  private static final int IN = 256;
  private static final int OUT = 24;

  private static Linear linear() {
    var linear = new Linear(IN, OUT);
    linear.initialize(RandomKey.of(3));
    return linear;
  }

  private static Tensor rows() {
    return RandomKey.of(4).use(() -> Tensors.normal(DType.F32, 2, 5, IN));
  }

  /** The cosine of the angle between the results, and the largest difference over the largest. */
  private static void compare(UnaryLayer rounded, double cosine, double difference) {
    var x = rows();
    var want = linear().forward(x).toFloatArray();
    var got = rounded.forward(x).toFloatArray();
    double products = 0;
    double squares = 0;
    double others = 0;
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      products += (double) want[i] * got[i];
      squares += (double) want[i] * want[i];
      others += (double) got[i] * got[i];
      largest = Math.max(largest, Math.abs(want[i]));
      worst = Math.max(worst, Math.abs(want[i] - got[i]));
    }
    assertTrue(products / Math.sqrt(squares * others) > cosine);
    assertTrue(worst / largest < difference, worst + " of " + largest);
  }

  @Test
  void eightBitsAreOffByAboutAHundredth() {
    compare(QuantizedLinear.int8(linear()), 0.9999, 0.02);
  }

  @Test
  void fourBitsInGroupsKeepTheDirection() {
    compare(QuantizedLinear.int4(linear(), 32), 0.99, 0.2);
  }

  /** 254 = 2·127 and −127: steps of 2 and 1 leave nothing to round. */
  @Test
  void multiplesOfTheStepAreExact() {
    var linear = new Linear(2, 1, false);
    linear.load(Map.of("weight", Tensor.of(new float[] {-127, 3}, 1, 2)));
    var y = QuantizedLinear.int8(linear).forward(Tensor.of(new float[] {254, 4, 0, 0}, 2, 2));
    assertArrayEquals(new float[] {254 * -127 + 4 * 3, 0}, y.toFloatArray(), 1e-2f);
  }

  @Test
  void whatIsSavedIsWhatIsComputedWith() {
    var layer = QuantizedLinear.int8(linear());
    assertEquals(0, layer.parameterCount());
    var other = new Linear(IN, OUT);
    other.initialize(RandomKey.of(5));
    var loaded = QuantizedLinear.int8(other);
    loaded.load(layer.snapshot());
    assertArrayEquals(layer.forward(rows()).toFloatArray(), loaded.forward(rows()).toFloatArray());
  }

  @Test
  void groupsMustDivideTheInputs() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> QuantizedLinear.int4(linear(), 100));
    assertEquals("groups of 100 do not divide 256 inputs; choose a divisor", error.getMessage());
  }
}
