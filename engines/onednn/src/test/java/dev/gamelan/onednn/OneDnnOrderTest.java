package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lines that are long enough to be selected from and divided, with equal keys, zeros and NaN. */
class OneDnnOrderTest {
  private static final int LENGTH = 3000;
  private static final int LINES = 3;

  /** Few different values, so that most are equal to others: the first index must win. */
  private static float[] numbers() {
    var random = new Random(2);
    var numbers = new float[LINES * LENGTH];
    for (int i = 0; i < numbers.length; i++) {
      int kind = random.nextInt(100);
      numbers[i] = kind == 0 ? Float.NaN : kind == 1 ? -0f : kind - 50;
    }
    return numbers;
  }

  /** The indices of a line in descending order, stable, NaN last, -0.0 as 0.0. */
  private static int[] descending(float[] numbers, int line) {
    var byValue =
        Comparator.comparingDouble(
            (Integer i) -> {
              float x = numbers[line * LENGTH + i] + 0f;
              return Float.isNaN(x) ? Double.POSITIVE_INFINITY : -x;
            });
    return IntStream.range(0, LENGTH).boxed().sorted(byValue).mapToInt(i -> i).toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 40, 2000, LENGTH})
  void theFirstOfASortAreInOrderWithTheirIndices(int count) {
    var numbers = numbers();
    var got =
        Devices.use(
            "onednn:0",
            () -> {
              var x = Tensor.of(numbers, LINES, LENGTH);
              var results = Tensor.applyAll(new Primitive.TopK(count), List.of(x));
              return results.get(1).toIntArray();
            });
    for (int line = 0; line < LINES; line++) {
      var expected = Arrays.copyOf(descending(numbers, line), count);
      var actual = Arrays.copyOfRange(got, line * count, (line + 1) * count);
      assertArrayEquals(expected, actual);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theIndexOfAnExtremeIsTheFirstOrThatOfTheFirstNaN(boolean withNaN) {
    var numbers = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) numbers[i] = i % 100;
    if (withNaN) numbers[1234] = numbers[2000] = Float.NaN;
    int index = Devices.use("onednn:0", () -> Tensor.of(numbers, LENGTH).argMax(0).toIntArray()[0]);
    assertEquals(withNaN ? 1234 : 99, index);
  }
}
