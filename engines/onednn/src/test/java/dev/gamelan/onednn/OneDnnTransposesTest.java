package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Products and their concatenations that are read transposed, and who writes them. */
class OneDnnTransposesTest {
  private static final String HEADS =
      """
      (%0: f32[2,3,5,7], %1: f32[2,3,7,6], %2: f32[2,3,7,6], %3: f32[2,5,3,6]) {
        %4 = dot_general[leftBatch=[0,1], rightBatch=[0,1], leftContracting=[3], rightContracting=[2], result=f32] %0, %1 : f32[2,3,5,6]
        %5 = dot_general[leftBatch=[0,1], rightBatch=[0,1], leftContracting=[3], rightContracting=[2], result=f32] %0, %2 : f32[2,3,5,6]
      BODY
      }
      """;

  private static String explain(Graph graph, CompileOptions options) {
    try (var executable = Engines.compile(graph, Engines.device(OneDnnEngine.NAME), options)) {
      return executable.explain();
    }
  }

  private static String explain(String graph) {
    return explain(Graph.parse(graph), CompileOptions.DEFAULT);
  }

  /** How many steps do nothing but move elements. */
  private static int moves(String graph) {
    return (int)
        explain(graph)
            .lines()
            .filter(line -> line.endsWith(": copy") || line.matches("(transpose|copy) .*"))
            .count();
  }

  private static void check(int moves, String graph) {
    Agreement.check(graph);
    assertEquals(moves, moves(graph), graph);
  }

  /** (a·b)ᵀ = bᵀ·aᵀ, which is the same sums. */
  @Test
  void aTransposedProductHasItsOperandsInTheOtherOrder() {
    check(
        0,
        """
        (%0: f32[2,9,5], %1: f32[2,9,7]) {
          %2 = dot_general[leftBatch=[0], rightBatch=[0], leftContracting=[1], rightContracting=[1], result=f32] %0, %1 : f32[2,5,7]
          %3 = transpose[permutation=[0,2,1]] %2 : f32[2,7,5]
          %4 = exp %3 : f32[2,7,5]
          return %4
        }""");
  }

  @Test
  void aProductThatIsAlsoReadAsItIsStaysAsItIs() {
    var graph =
        """
        (%0: f32[9,5], %1: f32[9,7]) {
          %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[0], rightContracting=[0], result=f32] %0, %1 : f32[5,7]
          %3 = transpose[permutation=[1,0]] %2 : f32[7,5]
          %4 = exp %3 : f32[7,5]
          %5 = exp %2 : f32[5,7]
          return %4, %5
        }""";
    Agreement.check(graph);
    assertEquals(1, explain(graph).lines().filter(line -> line.contains("dot f32")).count());
  }

  /** Packed weights are the right operand; as the left one they would be read as they lie. */
  @Test
  void weightsThatLastStayOnTheRight() {
    var graph =
        Graph.parse(
            """
            (%0: f32[40,96], %1: f32[96,80]) {
              %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %1 : f32[40,80]
              %3 = transpose[permutation=[1,0]] %2 : f32[80,40]
              %4 = exp %3 : f32[80,40]
              return %4
            }""");
    var lasting = CompileOptions.DEFAULT.withLasting(Set.of(1));
    Agreement.check(graph, lasting);
    assertTrue(explain(graph, lasting).contains("[40,96] × [96,80]"));
    assertTrue(explain(graph, CompileOptions.DEFAULT).contains("[80,96] × [96,40]"));
  }

  /** [sequences, heads, places, width] to [sequences, places, heads·width], as after attention. */
  @Test
  void headsAreWrittenSideBySide() {
    check(
        0,
        HEADS.replace(
            "BODY",
            """
              %6 = add %1, %2 : f32[2,3,7,6]
              %7 = transpose[permutation=[0,2,1,3]] %4 : f32[2,5,3,6]
              %8 = reshape[shape=[10,18]] %7 : f32[10,18]
              return %8, %6
            """));
  }

  /** The gradients of queries, keys and values, of which one is no product. */
  @Test
  void piecesOfAConcatenationAreWrittenWhereItIsRead() {
    check(
        1,
        HEADS.replace(
            "BODY",
            """
              %6 = transpose[permutation=[0,2,1,3]] %3 : f32[2,3,5,6]
              %7 = exp %6 : f32[2,3,5,6]
              %8 = reshape[shape=[1,2,3,5,6]] %4 : f32[1,2,3,5,6]
              %9 = reshape[shape=[1,2,3,5,6]] %7 : f32[1,2,3,5,6]
              %10 = reshape[shape=[1,2,3,5,6]] %5 : f32[1,2,3,5,6]
              %11 = concatenate[axis=0] %8, %9, %10 : f32[3,2,3,5,6]
              %12 = transpose[permutation=[1,3,0,2,4]] %11 : f32[2,5,3,3,6]
              %13 = reshape[shape=[10,54]] %12 : f32[10,54]
              %14 = exp %13 : f32[10,54]
              return %14
            """));
  }

  @Test
  void aPieceThatStandsTwiceIsCopied() {
    check(
        2,
        HEADS.replace(
            "BODY",
            """
              %6 = concatenate[axis=3] %4, %4 : f32[2,3,5,12]
              %7 = exp %6 : f32[2,3,5,12]
              %8 = exp %5 : f32[2,3,5,6]
              return %7, %8
            """));
  }

  /** Padding is written before what is padded, and would erase it. */
  @Test
  void whatIsPaddedIsCopied() {
    check(
        2,
        HEADS.replace(
            "BODY",
            """
              %6 = fill[value=f32(0.5), shape=[]] : f32[]
              %7 = pad[low=[0,0,1,0], high=[0,0,0,2], interior=[0,0,0,0]] %4, %6 : f32[2,3,6,8]
              %8 = exp %7 : f32[2,3,6,8]
              %9 = exp %5 : f32[2,3,5,6]
              return %8, %9
            """));
  }

  /** A piece of a product, and all of it in an order in which its rows have gaps. */
  @Test
  void whatStridesDoNotSayIsCopied() {
    var graph =
        HEADS.replace(
            "BODY",
            """
              %6 = slice[starts=[0,0,0,0], limits=[2,3,5,4], strides=[1,1,1,1]] %4 : f32[2,3,5,4]
              %7 = concatenate[axis=3] %6, %6 : f32[2,3,5,8]
              %8 = exp %7 : f32[2,3,5,8]
              %9 = transpose[permutation=[3,0,1,2]] %5 : f32[6,2,3,5]
              %10 = reshape[shape=[12,15]] %9 : f32[12,15]
              %11 = exp %10 : f32[12,15]
              return %8, %11
            """);
    Agreement.check(graph);
    assertTrue(moves(graph) >= 2, graph);
  }
}
