package dev.gamelan.tensorflow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SupportTest {
  @ParameterizedTest
  @CsvSource({
    "3, 3, 1, 1, 1, true",
    "3, 1, 1, 0, 1, false" // The first window sees −1; there are 0 to 2.
  })
  void aConvolutionIsTakenWhereEachWindowSeesAnElement(
      long extent, long places, long low, long high, long dilation, boolean taken) {
    var window = new Window(List.of(1L), List.of(low), List.of(high), List.of(dilation));
    var node =
        GraphBuilder.trace(
                List.of(
                    TensorType.of(DType.F32, 2, 3, extent), TensorType.of(DType.F32, 4, 3, places)),
                (g, inputs) -> g.addAll(new Primitive.Convolution(window, 1, DType.F32), inputs))
            .nodes()
            .getFirst();
    assertEquals(taken, Support.takes(node));
  }
}
