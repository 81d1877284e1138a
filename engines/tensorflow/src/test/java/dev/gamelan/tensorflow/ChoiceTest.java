package dev.gamelan.tensorflow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.ir.Graph;
import org.junit.jupiter.api.Test;

/** By which lowering a graph goes; the costs are in nanoseconds, of TensorFlow's ops and of XLA. */
final class ChoiceTest {
  @Test
  void aTinyGraphIsNotWorthACallOfXla() { // 0.33 · 8 against 100,000
    assertEquals(
        Lowering.GRAPH,
        of(
            """
            (%0: f32[4]) {
              %1 = exp %0 : f32[4]
              %2 = neg %1 : f32[4]
              return %2
            }"""));
  }

  @Test
  void aChainOfPointwiseOpsGoesToXla() { // 0.33 · 2 · 2²⁰ = 692,060 against 100,000
    assertEquals(
        Lowering.XLA,
        of(
            """
            (%0: f32[1048576]) {
              %1 = exp %0 : f32[1048576]
              %2 = neg %1 : f32[1048576]
              return %2
            }"""));
  }

  @Test
  void aProductOutweighsItsActivation() { // 0.33 · 2¹⁸ = 86,508 against 0.006 · 2²⁷ = 805,306
    assertEquals(
        Lowering.GRAPH,
        of(
            """
            (%0: f32[512,512], %1: f32[512,512]) {
              %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %1 : f32[512,512]
              %3 = exp %2 : f32[512,512]
              return %3
            }"""));
  }

  @Test
  void opsThatTensorFlowLacksGoToXlaTogether() { // 2 · 100,000 against 100,000
    assertEquals(
        Lowering.XLA,
        of(
            """
            (%0: f32[4]) {
              %1 = sort[axis=0, descending=false] %0 : f32[4]
              %2 = sort[axis=0, descending=true] %1 : f32[4]
              return %2
            }"""));
  }

  private static Lowering of(String graph) {
    return Choice.of(Graph.parse(graph));
  }
}
