package dev.gamelan.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.ir.Graph;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
  @Test
  void aChainNeedsTwoPlaces() {
    // Each step reads one value and writes the next: two of 256 bytes are alive at a time.
    var text = new StringBuilder("(%0: f32[64]) {\n");
    for (int i = 1; i <= 9; i++) text.append("%%%d = sin %%%d : f32[64]\n".formatted(i, i - 1));
    var graph = Graph.parse(text + "return %9\n}");
    assertEquals(512, MemoryPlan.of(graph, Set.of()).arenaBytes());
  }

  @Test
  void outputsLieInBuffersOfTheirOwn() {
    var graph = Graph.parse("(%0: f32[4]) { %1 = sin %0 : f32[4] return %1 }");
    var plan = MemoryPlan.of(graph, Set.of());
    assertEquals(0, plan.arenaBytes());
    assertEquals(new MemoryPlan.Place.Output(0), plan.place(graph.outputs().getFirst()));
  }

  private static final String UPDATE =
      """
      (%0: f32[8], %1: f32[2], %2: i32[]) {
        %3 = dynamic_update_slice %0, %1, %2 : f32[8]
        return %3
      }""";

  @Test
  void anUpdateOfADonatedInputIsInPlace() {
    var graph = Graph.parse(UPDATE);
    var plan = MemoryPlan.of(graph, Set.of(0));
    assertEquals(OptionalInt.of(0), plan.inPlace(graph.outputs().getFirst()));
    assertEquals(OptionalInt.of(0), plan.donatedTo(0));
  }

  @Test
  void anUpdateOfAnInputThatIsNotDonatedIsACopy() {
    var graph = Graph.parse(UPDATE);
    var plan = MemoryPlan.of(graph, Set.of());
    assertTrue(plan.inPlace(graph.outputs().getFirst()).isEmpty());
  }

  @Test
  void anUpdateOfWhatIsReadLaterIsACopy() {
    var graph =
        Graph.parse(
            """
            (%0: f32[8], %1: f32[2], %2: i32[]) {
              %3 = sin %0 : f32[8]
              %4 = dynamic_update_slice %3, %1, %2 : f32[8]
              %5 = add %3, %4 : f32[8]
              return %5
            }""");
    var plan = MemoryPlan.of(graph, Set.of());
    assertTrue(plan.inPlace(graph.nodes().get(1).result()).isEmpty());
    assertInstanceOf(MemoryPlan.Place.Arena.class, plan.place(graph.nodes().get(1).result()));
  }

  @Test
  void theCarryOfAScanIsUpdatedInPlace() {
    var graph =
        Graph.parse(
            """
            (%0: f32[4], %1: f32[3,4]) {
              %2 = scan[body=(%0: f32[4], %1: f32[4]) { %2 = add %0, %1 : f32[4] return %2 }, length=3, carries=1, sequences=1, reverse=false] %0, %1 : f32[4]
              return %2
            }""");
    var plan = MemoryPlan.of(graph, Set.of(0));
    assertEquals(OptionalInt.of(0), plan.donatedTo(0));
  }
}
