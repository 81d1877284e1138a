package dev.gamelan.tensorflow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.ir.Graph;
import org.junit.jupiter.api.Test;

/** What TensorFlow's own ops a graph becomes; what they compute is the conformance suite's. */
class GraphLoweringTest {
  private static String nodes(String graph) {
    return Program.of(Graph.parse(graph), Lowering.GRAPH).text();
  }

  private static long count(String text, String op) {
    return text.lines().filter(line -> line.contains(" = " + op + "(")).count();
  }

  @Test
  void aBroadcastIsLeftToTheOpThatReadsIt() {
    var nodes =
        nodes(
            """
            (%0: f32[4,3], %1: f32[3]) {
              %2 = broadcast_in_dim[shape=[4,3], axes=[1]] %1 : f32[4,3]
              %3 = add %0, %2 : f32[4,3]
              return %3
            }""");
    assertFalse(nodes.contains("BroadcastTo"), nodes);
  }

  /** Channels are turned at the first convolution, and back for the output; filters at each. */
  @Test
  void channelsStayLastBetweenConvolutions() {
    var nodes =
        nodes(
            """
            (%0: f32[1,2,8,8], %1: f32[2,2,3,3]) {
              %2 = convolution[window={strides=[1,1], low=[1,1], high=[1,1], dilation=[1,1]}, groups=1, result=f32] %0, %1 : f32[1,2,8,8]
              %3 = tanh %2 : f32[1,2,8,8]
              %4 = convolution[window={strides=[1,1], low=[1,1], high=[1,1], dilation=[1,1]}, groups=1, result=f32] %3, %1 : f32[1,2,8,8]
              return %4
            }""");
    assertEquals(2, count(nodes, "Conv2D"), nodes);
    assertEquals(4, count(nodes, "Transpose"), nodes);
  }

  @Test
  void aBarrierIsOneToTensorFlowToo() {
    var nodes =
        nodes(
            """
            (%0: f32[4]) {
              %1 = exp %0 : f32[4]
              %2 = barrier %0 : f32[4]
              %3 = exp %2 : f32[4]
              %4 = add %1, %3 : f32[4]
              return %4
            }""");
    assertEquals(1, count(nodes, "PartitionedCall"), nodes);
    assertEquals(2, count(nodes, "Exp"), nodes);
  }

  @Test
  void whatTensorFlowHasNoOpForIsACallOfXla() {
    var nodes =
        nodes(
            """
            (%0: f32[4]) {
              %1 = sort[axis=0, descending=false] %0 : f32[4]
              %2 = neg %1 : f32[4]
              return %2
            }""");
    assertTrue(nodes.contains("PartitionedCall(x0)"), nodes);
    assertEquals(1, count(nodes, "Neg"), nodes);
  }
}
