package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.List;
import org.junit.jupiter.api.Test;

class RematerializationTest {
  /**
   * As a network and its gradient: x = a·b, of which f(x) = tanh(x)·x² goes through another product
   * and comes back to be multiplied by tanh(x) and x² and to have f(x) added.
   */
  private static Graph thereAndBack(int size) {
    return Graph.parse(
        """
        (%%0: f32[%1$d,%1$d], %%1: f32[%1$d,%1$d]) {
          %%2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %%0, %%1 : f32[%1$d,%1$d]
          %%3 = tanh %%2 : f32[%1$d,%1$d]
          %%4 = mul %%2, %%2 : f32[%1$d,%1$d]
          %%5 = mul %%3, %%4 : f32[%1$d,%1$d]
          %%6 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %%5, %%1 : f32[%1$d,%1$d]
          %%7 = mul %%6, %%3 : f32[%1$d,%1$d]
          %%8 = mul %%7, %%4 : f32[%1$d,%1$d]
          %%9 = add %%8, %%5 : f32[%1$d,%1$d]
          return %%9
        }"""
            .formatted(size));
  }

  private static Graph apply(Graph graph) {
    return Rematerialization.apply(graph, node -> false);
  }

  private static List<Value> stored(Graph graph) {
    return Fusion.stored(graph, new Fusion(graph, node -> false)).values().stream()
        .flatMap(values -> values.stream())
        .toList();
  }

  /** Of tanh(x), x² and f(x) only f(x), which a product reads, lies in memory. */
  @Test
  void whatComesFromOneProductIsComputedAgainWhereItIsRead() {
    var graph = thereAndBack(256);
    assertEquals(6, stored(graph).size());
    var again = apply(graph);
    assertEquals(4, stored(again).size());
    assertEquals(2, count(again, Primitive.Unary.class));
    Agreement.check(graph);
  }

  @Test
  void whatIsSmallIsNot() {
    var graph = thereAndBack(128);
    assertSame(graph, apply(graph));
  }

  /** Where tanh(x) alone is read there is as much to read as x. */
  @Test
  void oneValueIsNot() {
    var graph =
        Graph.parse(
            """
            (%0: f32[256,256], %1: f32[256,256]) {
              %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %1 : f32[256,256]
              %3 = tanh %2 : f32[256,256]
              %4 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %3, %1 : f32[256,256]
              %5 = mul %4, %3 : f32[256,256]
              return %5
            }""");
    assertSame(graph, apply(graph));
  }

  private static long count(Graph graph, Class<?> op) {
    return graph.nodes().stream().filter(node -> op.isInstance(node.op())).count();
  }
}
