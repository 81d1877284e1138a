package dev.gamelan.pass;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Activation;
import dev.gamelan.ir.Attention;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

class CompositeRecognitionTest {
  private static final TensorType X = TensorType.of(DType.F32, 2, 3, 8);
  private static final TensorType ROW = TensorType.of(DType.F32, 8);

  private static Graph recognized(
      List<TensorType> types, BiFunction<GraphBuilder, List<Value>, Value> function) {
    var graph = GraphBuilder.trace(types, (g, x) -> List.of(function.apply(g, x)));
    var recognized = new CompositeRecognition().apply(graph);
    var random = new SplittableRandom(1);
    var inputs = new ArrayList<Array>();
    for (var type : types) {
      var array = Array.zeros(type);
      for (int i = 0; i < array.size(); i++) array.floats()[i] = (float) random.nextDouble(-2, 2);
      inputs.add(array);
    }
    // Whatever was put in its place computes the same.
    assertArrayEquals(
        ReferenceKernels.run(graph, inputs).getFirst().floats(),
        ReferenceKernels.run(recognized, inputs).getFirst().floats(),
        1e-5);
    return recognized;
  }

  private static List<Composite> composites(Graph graph) {
    return graph.nodes().stream()
        .filter(node -> node.op() instanceof Composite)
        .map(node -> (Composite) node.op())
        .toList();
  }

  @Test
  void geluInAnyOrderOfItsFactors() {
    // x/√2 and x·½·(1+erf); or ½·(x·(erf+1)).
    var one =
        recognized(
            List.of(X),
            (g, x) -> {
              var v = x.getFirst();
              var root = g.fill(X, Math.sqrt(2));
              var erf = g.add(g.unary(UnaryKind.ERF, g.div(v, root)), 1);
              return g.mul(g.mul(v, 0.5), erf);
            });
    var other =
        recognized(
            List.of(X),
            (g, x) -> {
              var v = x.getFirst();
              var erf = g.unary(UnaryKind.ERF, g.mul(v, Math.sqrt(0.5)));
              return g.mul(g.mul(v, g.add(g.fill(X, 1), erf)), 0.5);
            });
    assertEquals(List.of(new Activation.Gelu(false)), composites(one));
    assertEquals(List.of(new Activation.Gelu(false)), composites(other));
    assertEquals(1, one.nodes().size());
  }

  @Test
  void aFactorThatIsNotOneHalfIsNoGelu() {
    var graph =
        recognized(
            List.of(X),
            (g, x) -> {
              var v = x.getFirst();
              var erf = g.add(g.unary(UnaryKind.ERF, g.mul(v, Math.sqrt(0.5))), 1);
              return g.mul(g.mul(v, 0.4), erf);
            });
    assertEquals(List.of(), composites(graph));
  }

  @Test
  void geluWithTanhAndACubeAsAPowerOrAProduct() {
    for (boolean power : List.of(true, false)) {
      var graph =
          recognized(
              List.of(X),
              (g, x) -> {
                var v = x.getFirst();
                var cube = power ? g.binary(BinaryKind.POW, v, 3) : g.mul(g.mul(v, v), v);
                var inner = g.mul(g.add(v, g.mul(cube, 0.044715)), Math.sqrt(2 / Math.PI));
                return g.mul(g.mul(v, 0.5), g.add(g.tanh(inner), 1));
              });
      assertEquals(List.of(new Activation.Gelu(true)), composites(graph));
    }
  }

  private static Value mean(GraphBuilder g, Value x) {
    var sum = g.sum(x, List.of(2));
    return g.reshape(g.div(sum, g.fill(sum.type(), 8)), Shape.of(2, 3, 1));
  }

  @Test
  void layerNormAsOlderExportersWriteIt() {
    var graph =
        recognized(
            List.of(X, ROW, ROW),
            (g, x) -> {
              var centred = g.sub(x.getFirst(), mean(g, x.getFirst()));
              var variance = mean(g, g.binary(BinaryKind.POW, centred, 2));
              var deviation = g.unary(UnaryKind.SQRT, g.add(variance, 1e-5));
              return g.add(g.mul(g.div(centred, deviation), x.get(1)), x.get(2));
            });
    assertEquals(1, composites(graph).size());
    assertEquals(Normalization.LayerNorm.class, composites(graph).getFirst().getClass());
  }

  @Test
  void rmsNormWithTheScaleFirst() {
    var graph =
        recognized(
            List.of(X, ROW),
            (g, x) -> {
              var v = x.getFirst();
              var variance = mean(g, g.binary(BinaryKind.POW, v, 2));
              var root = g.unary(UnaryKind.SQRT, g.add(variance, 1e-6));
              var inverse = g.div(g.fill(root.type(), 1), root);
              return g.mul(x.get(1), g.mul(v, inverse));
            });
    assertEquals(Normalization.RmsNorm.class, composites(graph).getFirst().getClass());
  }

  @Test
  void rotaryOnlyWhereBothHalvesOfTheAnglesAreAlike() {
    var angles = TensorType.of(DType.F32, 3, 4);
    BiFunction<GraphBuilder, Value, Value> doubled =
        (g, half) -> g.concatenate(1, List.of(half, half));
    for (boolean alike : List.of(true, false)) {
      var graph =
          recognized(
              List.of(X, angles, angles),
              (g, x) -> {
                var v = x.getFirst();
                var turned =
                    g.concatenate(2, List.of(g.neg(g.slice(v, 2, 4, 8)), g.slice(v, 2, 0, 4)));
                var cos =
                    alike
                        ? doubled.apply(g, x.get(1))
                        : g.concatenate(1, List.of(x.get(1), x.get(2)));
                return g.add(g.mul(v, cos), g.mul(turned, doubled.apply(g, x.get(2))));
              });
      var expected = alike ? List.of(new Attention.RotaryEmbedding(false)) : List.<Composite>of();
      assertEquals(expected, composites(graph));
    }
  }

  @Test
  void attentionWithItsScaleAtTheScoresOrAtBothOperands() {
    var q = TensorType.of(DType.F32, 2, 3, 4, 8);
    var mask = TensorType.of(DType.F32, 2, 1, 4, 4);
    for (boolean split : List.of(true, false)) {
      var graph =
          recognized(
              List.of(q, q, q, mask),
              (g, x) -> {
                double scale = split ? 0.5 : 1;
                var kt = g.transposeLast(x.get(1));
                var scores = g.matmul(g.mul(x.getFirst(), scale), g.mul(kt, scale));
                if (!split) scores = g.mul(scores, 0.25);
                var p = g.add(new SoftmaxOp.Softmax(3), g.add(scores, x.get(3)));
                return g.matmul(p, x.get(2));
              });
      var expected = new Attention.ScaledDotProductAttention(0.25, false, true, false, 0, 0);
      assertEquals(List.of(expected), composites(graph));
    }
  }
}
