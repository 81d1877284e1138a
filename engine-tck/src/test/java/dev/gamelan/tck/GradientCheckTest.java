package dev.gamelan.tck;

import dev.gamelan.autodiff.ReverseMode;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Gradients in f64 against (f(x + hv) − f(x − hv)) / 2h along a random direction v, and those of
 * gradients likewise. f is Σ cᵢ·resultᵢ for random c.
 */
class GradientCheckTest {
  private static final double H = 1e-5;
  private static final double TOLERANCE = 2e-6;

  /** Flat between jumps: their gradient of 0 is right but where a difference crosses a jump. */
  private static final Set<String> JUMPING = Set.of("floor", "ceil", "round_even", "sign");

  /** A one-sided choice, or a gradient that is defined to be 0. */
  private static final Set<String> DEFINED_OTHERWISE = Set.of("stop_gradient");

  @TestFactory
  Stream<DynamicTest> gradientsAreLimitsOfDifferences() {
    return rows().map(spec -> DynamicTest.dynamicTest(spec.op(), () -> check(spec, false)));
  }

  @TestFactory
  Stream<DynamicTest> secondDerivativesAreLimitsOfDifferencesOfGradients() {
    return rows().map(spec -> DynamicTest.dynamicTest(spec.op(), () -> check(spec, true)));
  }

  private static Stream<OpSpec> rows() {
    return OpSpecs.all().stream()
        .filter(spec -> spec.differentiable() && spec.dtypes().contains(DType.F64))
        .filter(spec -> !JUMPING.contains(spec.op()) && !DEFINED_OTHERWISE.contains(spec.op()));
  }

  private static void check(OpSpec spec, boolean second) {
    long seed = spec.op().hashCode() + 17;
    for (var c : spec.cases().apply(DType.F64)) {
      if (c.special()) continue;
      var graph = c.graph();
      var random = new SplittableRandom(seed++);
      var inputs = new ArrayList<>(c.arrays(random));
      // A conversion to a narrower dtype is a staircase.
      boolean narrow =
          graph.outputTypes().stream().anyMatch(t -> t.dtype().isFloat() && t.dtype() != DType.F64);
      boolean none = graph.outputTypes().stream().noneMatch(t -> t.dtype().isFloat());
      if (narrow || none) continue;
      if (second) {
        var first = ReverseMode.vjp(graph, floats(graph));
        for (var type : first.inputTypes().subList(inputs.size(), first.inputs().size())) {
          inputs.add(new Values.Range(-1, 1).fill(type, random));
        }
        graph = first;
      }
      compare(graph, inputs, random);
    }
  }

  private static List<Integer> floats(Graph graph) {
    return IntStream.range(0, graph.inputs().size())
        .filter(i -> graph.inputs().get(i).type().dtype() == DType.F64)
        .boxed()
        .toList();
  }

  private static void compare(Graph graph, List<Array> inputs, SplittableRandom random) {
    var weights = new ArrayList<Array>();
    for (var type : graph.outputTypes()) {
      if (type.dtype().isFloat()) weights.add(new Values.Range(-1, 1).fill(type, random));
    }
    var direction = new ArrayList<Array>();
    for (int i : floats(graph)) {
      direction.add(new Values.Range(-1, 1).fill(inputs.get(i).type(), random));
    }
    var arguments = new ArrayList<>(inputs);
    arguments.addAll(weights);
    var gradients = ReferenceKernels.run(ReverseMode.vjp(graph, floats(graph)), arguments);
    double slope = 0;
    for (int i = 0; i < direction.size(); i++) slope += dot(gradients.get(i), direction.get(i));
    double limit =
        (weighted(graph, moved(graph, inputs, direction, H), weights)
                - weighted(graph, moved(graph, inputs, direction, -H), weights))
            / (2 * H);
    if (!(Math.abs(slope - limit) <= TOLERANCE * Math.max(1, Math.abs(limit)))) {
      throw new AssertionError(
          "the gradient along a direction is %s, differences give %s, for %s"
              .formatted(slope, limit, graph));
    }
  }

  private static List<Array> moved(
      Graph graph, List<Array> inputs, List<Array> direction, double by) {
    var moved = new ArrayList<>(inputs);
    var floats = floats(graph);
    for (int i = 0; i < floats.size(); i++) {
      var x = inputs.get(floats.get(i));
      var shifted = Array.zeros(x.type());
      for (int j = 0; j < x.size(); j++) {
        shifted.floats()[j] = x.floats()[j] + by * direction.get(i).floats()[j];
      }
      moved.set(floats.get(i), shifted);
    }
    return moved;
  }

  private static double weighted(Graph graph, List<Array> inputs, List<Array> weights) {
    double sum = 0;
    int next = 0;
    for (var result : ReferenceKernels.run(graph, inputs)) {
      if (result.type().dtype().isFloat()) sum += dot(result, weights.get(next++));
    }
    return sum;
  }

  private static double dot(Array a, Array b) {
    double sum = 0;
    // The maximum of nothing is -∞ whatever moves; it has no difference.
    for (int i = 0; i < a.size(); i++) {
      if (!Double.isInfinite(a.floats()[i])) sum += a.floats()[i] * b.floats()[i];
    }
    return sum;
  }
}
