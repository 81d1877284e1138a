package dev.gamelan.onednn;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Units that have more of something than a kernel has registers for. */
class OneDnnFusionTest {
  /** As the norm of a network's gradients: Σ Σ x². */
  @Test
  void manyReductionsThatMeetInOneSum() {
    int count = 60;
    var inputs = new StringBuilder();
    var nodes = new StringBuilder();
    int next = count;
    int sum = -1;
    for (int i = 0; i < count; i++) {
      inputs.append(i == 0 ? "" : ", ").append("%" + i + ": f32[67]");
      nodes.append("%%%d = mul %%%d, %%%d : f32[67] ".formatted(next, i, i));
      nodes.append("%%%d = reduce[kind=sum, axes=[0]] %%%d : f32[] ".formatted(next + 1, next));
      next += 2;
      if (sum >= 0) {
        nodes.append("%%%d = add %%%d, %%%d : f32[] ".formatted(next, sum, next - 1));
        next++;
      }
      sum = next - 1;
    }
    Agreement.check("(%s) { %s return %%%d }".formatted(inputs, nodes, sum));
  }

  /** Each value is the square of the one before: 2⁶⁰ ways lead from the slices to the input. */
  @Test
  void aLongChainThatIsReadInPieces() {
    var nodes = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      nodes.append("%%%d = mul %%%d, %%%d : f32[12] ".formatted(i + 1, i, i));
    }
    Agreement.check(
        """
        (%%0: f32[12]) { %s
          %%61 = slice[starts=[0], limits=[6], strides=[1]] %%60 : f32[6]
          %%62 = slice[starts=[6], limits=[12], strides=[1]] %%60 : f32[6]
          %%63 = sub %%61, %%62 : f32[6]
          return %%63
        }"""
            .formatted(nodes));
  }

  @TestFactory
  Stream<DynamicTest> everyNumberOfReductionsOfOneMatrix() {
    return Stream.of(1, 2, 3, 4, 5, 6, 7, 8, 12)
        .flatMap(
            count ->
                Stream.of(0, 1)
                    .map(
                        axis ->
                            DynamicTest.dynamicTest(
                                count + " along axis " + axis, () -> reductions(count, axis))));
  }

  /** max(x), min(2x), max(3x) …, added up: NaN-keeping reductions need the most registers. */
  private static void reductions(int count, int axis) {
    int size = axis == 0 ? 83 : 35;
    var nodes = new StringBuilder();
    int next = 1;
    int sum = -1;
    for (int i = 0; i < count; i++) {
      nodes.append(
          "%%%d = fill[value=f32(%d.0), shape=[35,83]] : f32[35,83] ".formatted(next, i + 1));
      nodes.append("%%%d = mul %%0, %%%d : f32[35,83] ".formatted(next + 1, next));
      nodes.append(
          "%%%d = reduce[kind=%s, axes=[%d]] %%%d : f32[%d] "
              .formatted(next + 2, i % 2 == 0 ? "max" : "min", axis, next + 1, size));
      next += 3;
      if (sum >= 0) {
        nodes.append("%%%d = add %%%d, %%%d : f32[%d] ".formatted(next, sum, next - 1, size));
        next++;
      }
      sum = next - 1;
    }
    Agreement.check("(%%0: f32[35,83]) { %s return %%%d }".formatted(nodes, sum));
  }
}
