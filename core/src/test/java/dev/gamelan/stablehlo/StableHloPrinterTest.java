package dev.gamelan.stablehlo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.ir.Graph;
import org.junit.jupiter.api.Test;

/** How it is written; that XLA reads and computes it is for the TensorFlow engine's conformance. */
class StableHloPrinterTest {
  @Test
  void anOpIsWrittenInTheGenericSyntax() {
    var graph =
        Graph.parse(
            """
            (%0: f32[2,3], %1: f32[3]) {
              %2 = broadcast_in_dim[shape=[2,3], axes=[1]] %1 : f32[2,3]
              %3 = add %0, %2 : f32[2,3]
              return %3
            }""");
    assertEquals(
        """
        module @gamelan {
          func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<3xf32>) -> (tensor<2x3xf32>) {
            %0 = "stablehlo.broadcast_in_dim"(%arg1) <{broadcast_dimensions = array<i64: 1>}> : (tensor<3xf32>) -> (tensor<2x3xf32>)
            %1 = "stablehlo.add"(%arg0, %0) : (tensor<2x3xf32>, tensor<2x3xf32>) -> (tensor<2x3xf32>)
            "func.return"(%1) : (tensor<2x3xf32>) -> ()
          }
        }
        """,
        StableHloPrinter.print(graph));
  }

  @Test
  void aReductionHoldsTheRegionThatCombinesTwo() {
    var graph =
        Graph.parse("(%0: f32[2]) { %1 = reduce[kind=sum, axes=[0]] %0 : f32[] return %1 }");
    var text = StableHloPrinter.print(graph);
    assertTrue(
        text.contains(
            """
                %4 = "stablehlo.reduce"(%arg0, %3) <{dimensions = array<i64: 0>}> ({
                ^bb0(%0: tensor<f32>, %1: tensor<f32>):
                  %2 = "stablehlo.add"(%0, %1) : (tensor<f32>, tensor<f32>) -> (tensor<f32>)
                  "stablehlo.return"(%2) : (tensor<f32>) -> ()
                }) : (tensor<2xf32>, tensor<f32>) -> (tensor<f32>)
            """),
        text);
  }

  @Test
  void constantsKeepTheirBitsAndBoolsAreSpelledOut() {
    var graph =
        Graph.parse(
            """
            () {
              %0 = constant[literal=f32[2]{nan, -0.0}] : f32[2]
              %1 = constant[literal=bool[2,1]{true, false}] : bool[2,1]
              return %0, %1
            }""");
    var text = StableHloPrinter.print(graph);
    assertTrue(text.contains("dense<\"0x0000C07F00000080\"> : tensor<2xf32>"), text);
    assertTrue(text.contains("dense<[[true], [false]]> : tensor<2x1xi1>"), text);
  }

  @Test
  void compositesAreToBeExpandedFirst() {
    var graph = Graph.parse("(%0: f32[2]) { %1 = softmax[axis=0] %0 : f32[2] return %1 }");
    var error = assertThrows(IllegalArgumentException.class, () -> StableHloPrinter.print(graph));
    assertTrue(error.getMessage().contains("softmax"), error.getMessage());
  }
}
