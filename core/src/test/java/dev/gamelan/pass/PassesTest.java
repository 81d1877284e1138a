package dev.gamelan.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PassesTest {
  private static void rewrites(Pass pass, String from, String to) {
    assertEquals(to.strip(), PassPipeline.of(pass).apply(Graph.parse(from)).toString());
  }

  @Test
  void deadNodesGoAndInputsStay() {
    rewrites(
        new DeadNodeElimination(),
        """
        (%0: f32[2], %1: f32[2]) {
          %2 = sin %1 : f32[2]
          %3 = cos %0 : f32[2]
          return %3
        }""",
        """
        (%0: f32[2], %1: f32[2]) {
          %2 = cos %0 : f32[2]
          return %2
        }""");
  }

  @Test
  void equalExpressionsAreComputedOnceButNotAcrossABarrier() {
    rewrites(
        new CommonSubexpressionElimination(),
        """
        (%0: f32[2]) {
          %1 = sin %0 : f32[2]
          %2 = sin %0 : f32[2]
          %3 = barrier %0 : f32[2]
          %4 = sin %3 : f32[2]
          return %1, %2, %4
        }""",
        """
        (%0: f32[2]) {
          %1 = sin %0 : f32[2]
          %2 = barrier %0 : f32[2]
          %3 = sin %2 : f32[2]
          return %1, %1, %3
        }""");
  }

  /** The weight is narrowed before it is transposed; what follows the product stays f32. */
  @Test
  void mixedPrecisionNarrowsTheOperandsOfContractions() {
    rewrites(
        new MixedPrecision(DType.BF16),
        """
        (%0: f32[2,3], %1: f32[4,3]) {
          %2 = transpose[permutation=[1,0]] %1 : f32[3,4]
          %3 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %2 : f32[2,4]
          %4 = tanh %3 : f32[2,4]
          return %4, %2
        }""",
        """
        (%0: f32[2,3], %1: f32[4,3]) {
          %2 = transpose[permutation=[1,0]] %1 : f32[3,4]
          %3 = convert[to=bf16, saturate=false] %0 : bf16[2,3]
          %4 = convert[to=bf16, saturate=false] %1 : bf16[4,3]
          %5 = transpose[permutation=[1,0]] %4 : bf16[3,4]
          %6 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %3, %5 : f32[2,4]
          %7 = tanh %6 : f32[2,4]
          return %7, %2
        }""");
  }

  @Test
  void onlyWhatIsTheSameBitForBitIsSimplified() {
    // x·1, x − 0 and x + (−0) are x for every x; x + 0 is not for x = −0.
    rewrites(
        new AlgebraicSimplification(),
        """
        (%0: f32[2]) {
          %1 = fill[value=f32(1.0), shape=[2]] : f32[2]
          %2 = fill[value=f32(0.0), shape=[2]] : f32[2]
          %3 = fill[value=f32(-0.0), shape=[2]] : f32[2]
          %4 = mul %0, %1 : f32[2]
          %5 = sub %4, %2 : f32[2]
          %6 = add %3, %5 : f32[2]
          %7 = add %6, %2 : f32[2]
          return %7
        }""",
        """
        (%0: f32[2]) {
          %1 = fill[value=f32(1.0), shape=[2]] : f32[2]
          %2 = fill[value=f32(0.0), shape=[2]] : f32[2]
          %3 = fill[value=f32(-0.0), shape=[2]] : f32[2]
          %4 = add %0, %2 : f32[2]
          return %4
        }""");
  }

  @Test
  void transposesAndReshapesCompose() {
    rewrites(
        PassPipeline.of(new AlgebraicSimplification(), new DeadNodeElimination()),
        """
        (%0: f32[2,3,4]) {
          %1 = transpose[permutation=[1,2,0]] %0 : f32[3,4,2]
          %2 = transpose[permutation=[2,0,1]] %1 : f32[2,3,4]
          %3 = reshape[shape=[24]] %2 : f32[24]
          %4 = reshape[shape=[4,6]] %3 : f32[4,6]
          return %4
        }""",
        """
        (%0: f32[2,3,4]) {
          %1 = reshape[shape=[4,6]] %0 : f32[4,6]
          return %1
        }""");
  }

  /** Pieces of 1, 3 and 3 columns at column 3, 0 and {@code third} of seven. */
  private static Graph sumOfPads(int third, double padding) {
    var text =
        """
        (%%0: f32[2,1], %%1: f32[2,3], %%2: f32[2,3]) {
          %%3 = fill[value=f32(%s), shape=[]] : f32[]
          %%4 = pad[low=[0,3], high=[0,3], interior=[0,0]] %%0, %%3 : f32[2,7]
          %%5 = pad[low=[0,0], high=[0,4], interior=[0,0]] %%1, %%3 : f32[2,7]
          %%6 = pad[low=[0,%d], high=[0,%d], interior=[0,0]] %%2, %%3 : f32[2,7]
          %%7 = add %%4, %%5 : f32[2,7]
          %%8 = add %%7, %%6 : f32[2,7]
          return %%8
        }""";
    return Graph.parse(text.formatted(padding, third, 4 - third));
  }

  @Test
  void aSumOfPaddedPiecesThatCoverAllIsTheirConcatenation() {
    rewrites(
        PassPipeline.of(new PadsToConcatenation(), new DeadNodeElimination()),
        sumOfPads(4, 0).toString(),
        """
        (%0: f32[2,1], %1: f32[2,3], %2: f32[2,3]) {
          %3 = concatenate[axis=1] %1, %0, %2 : f32[2,7]
          return %3
        }""");
  }

  /** Of 2⁴⁰ copies of a piece, or of nothing, none is kept in mind but once. */
  @ParameterizedTest
  @ValueSource(ints = {1, 0})
  void aSumThatDoublesAgainAndAgainTakesNoMemory(int columns) {
    var type = "f32[2,%d]".formatted(columns + 6);
    var text = new StringBuilder("(%%0: f32[2,%d]) {\n".formatted(columns));
    text.append("%1 = fill[value=f32(0.0), shape=[]] : f32[]\n");
    text.append("%2 = pad[low=[0,3], high=[0,3], interior=[0,0]] %0, %1 : ").append(type);
    for (int i = 3; i < 43; i++) {
      text.append("\n%%%d = add %%%d, %%%d : %s".formatted(i, i - 1, i - 1, type));
    }
    var graph = Graph.parse(text.append("\nreturn %42 }").toString());
    assertEquals(graph.toString(), new PadsToConcatenation().apply(graph).toString());
  }

  @Test
  void paddedPiecesThatOverlapOrArePaddedWithOtherNumbersAreAdded() {
    for (var graph : List.of(sumOfPads(3, 0), sumOfPads(0, 0), sumOfPads(4, 1))) {
      assertEquals(graph.toString(), new PadsToConcatenation().apply(graph).toString());
    }
  }

  @Test
  void constantsFoldWhateverTheirSize() {
    var graph =
        Graph.parse(
            """
            () {
              %0 = fill[value=f32(2.0), shape=[1000,1000]] : f32[1000,1000]
              %1 = mul %0, %0 : f32[1000,1000]
              %2 = constant[literal=i32[2]{3, 4}] : i32[2]
              %3 = reverse[axes=[0]] %2 : i32[2]
              return %1, %3
            }""");
    var folded = Engines.prepare(graph, Engines.get("reference")).toString();
    assertTrue(folded.contains("fill[value=f32(4.0), shape=[1000,1000]]"), folded);
    assertTrue(folded.contains("constant[literal=i32[2]{4, 3}]"), folded);
  }

  @Test
  void expansionReachesIntoBodies() {
    var graph =
        Graph.parse(
            """
            (%0: bool[], %1: f32[3]) {
              %2 = cond[onTrue=(%0: f32[3]) { %1 = softmax[axis=0] %0 : f32[3] return %1 }, onFalse=(%0: f32[3]) { return %0 }] %0, %1 : f32[3]
              return %2
            }""");
    var expanded = CompositeExpansion.full().apply(graph);
    var cond = (Primitive.Cond) expanded.nodes().getFirst().op();
    assertTrue(cond.onTrue().nodes().stream().allMatch(n -> n.op() instanceof Primitive));
  }
}
