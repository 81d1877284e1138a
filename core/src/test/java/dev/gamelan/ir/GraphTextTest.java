package dev.gamelan.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import org.junit.jupiter.api.Test;

class GraphTextTest {
  private static final String ADD_BIAS =
      """
      (%0: f32[2,3], %1: f32[3]) {
        %2 = broadcast_in_dim[shape=[2,3], axes=[1]] %1 : f32[2,3]
        %3 = add %0, %2 : f32[2,3]
        %4:2 = top_k[k=2] %3 : f32[2,2], i32[2,2]
        return %3, %4:1
      }""";

  @Test
  void printingWhatWasParsedGivesTheSameText() {
    assertEquals(ADD_BIAS, Graph.parse(ADD_BIAS).toString());
  }

  @Test
  void bodiesOfControlFlowNest() {
    var text =
        """
        (%0: f32[], %1: f32[4,2], %2: f32[2]) {
          %3:2 = scan[body=(%0: f32[], %1: f32[2], %2: f32[2]) {
            %3 = mul %1, %2 : f32[2]
            %4 = reduce[kind=sum, axes=[0]] %3 : f32[]
            %5 = add %0, %4 : f32[]
            return %5, %3
          }, length=4, carries=1, sequences=1, reverse=false] %0, %1, %2 : f32[], f32[4,2]
          return %3, %3:1
        }""";
    assertEquals(text, Graph.parse(text).toString());
  }

  @Test
  void graphsBuiltAlikeAreEqualAndOthersAreNot() {
    var one = Graph.parse(ADD_BIAS);
    var other = Graph.parse(ADD_BIAS);
    assertEquals(one, other);
    assertEquals(one.hashCode(), other.hashCode());
    assertNotEquals(
        one,
        Graph.parse(ADD_BIAS.replace("return %3, %4:1", "return %3, %4").replace("k=2", "k=2")));
  }

  @Test
  void constantsKeepEveryBit() {
    var type = TensorType.of(DType.F32, 4);
    var literal =
        Literal.of(
            type,
            List.of(
                Scalar.of(DType.F32, -0.0),
                new Scalar(DType.F32, 0x7fc00001L),
                Scalar.of(DType.F32, Double.NaN),
                Scalar.of(DType.F32, 0.1)));
    var g = new GraphBuilder();
    var graph = g.build(List.of(g.add(new Primitive.Constant(literal))));
    assertTrue(graph.toString().contains("f32[4]{-0.0, 0x7fc00001, nan, 0.1}"));
    assertEquals(graph, Graph.parse(graph.toString()));
  }

  @Test
  void packedConstantsRoundTrip() {
    var type = TensorType.of(DType.I4, 3);
    var elements = List.of(-8L, 7L, -1L).stream().map(v -> Scalar.of(DType.I4, v)).toList();
    var literal = Literal.of(type, elements);
    assertEquals(elements, literal.elements());
    assertEquals(2, type.bytes());
  }

  public record Twice(double bias) implements Composite {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      return inputs;
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      return List.of(g.add(g.mul(inputs.getFirst(), 2), bias));
    }
  }

  @Test
  void aCompositeOfOnesOwnIsReadOnceItIsRegistered() {
    var text = "(%0: f32[2]) {\n  %1 = twice[bias=0.5] %0 : f32[2]\n  return %1\n}";
    var refused = assertThrows(IllegalArgumentException.class, () -> Graph.parse(text));
    assertTrue(refused.getMessage().contains("'twice'"), refused.getMessage());
    assertEquals(text, GraphParser.standard().with(Twice.class).parse(text).toString());
  }

  @Test
  void wrongTypesInTheTextAreRefusedWithTheLine() {
    var refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> Graph.parse(ADD_BIAS.replace("add %0, %2 : f32[2,3]", "add %0, %2 : f32[3]")));
    assertTrue(refused.getMessage().startsWith("line 3"), refused.getMessage());
  }

  @Test
  void inferenceErrorsSayWhatWasGivenNeededAndTheRemedy() {
    var g = new GraphBuilder();
    var a = g.input(TensorType.of(DType.F32, 2, 3));
    var refused = assertThrows(ShapeException.class, () -> g.matmul(a, a));
    assertEquals(
        "dot_general: needs equal sizes at axes [1] of the left and [0] of the right; got f32[2,3]"
            + " and f32[2,3]; transpose or reshape one of them",
        refused.getMessage());
  }

  @Test
  void shapesWhoseSizeOverflowsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Shape.of(1L << 40, 1L << 40));
    assertThrows(IllegalArgumentException.class, () -> Shape.of(-1));
  }
}
