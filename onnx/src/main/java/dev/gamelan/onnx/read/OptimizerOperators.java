package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Steps of optimisers: rate R, step T, then the parameters, gradients and states, in groups. */
final class OptimizerOperators {
  private OptimizerOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Adagrad", Operator.all(n -> step(n, 3, OptimizerOperators::adagrad))),
        entry("Adam", Operator.all(n -> step(n, 4, OptimizerOperators::adam))),
        entry("Momentum", Operator.all(n -> step(n, 3, OptimizerOperators::momentum))));
  }

  private interface Rule {
    /** Of parameter, gradient and states: the new parameter and states. */
    List<Value> apply(OpContext n, Value rate, Value step, List<Value> operands);
  }

  private static List<Value> step(OpContext n, int each, Rule rule) {
    int count = (n.inputs() - 2) / each;
    if (n.inputs() != 2 + count * each) throw n.error("has %d inputs".formatted(n.inputs()));
    var results = new ArrayList<List<Value>>();
    for (int i = 0; i < count; i++) {
      var operands = new ArrayList<Value>();
      for (int o = 0; o < each; o++) operands.add(n.x(2 + o * count + i));
      var rate =
          n.g.reshape(n.g.convert(n.x(0), operands.getFirst().type().dtype()), Shape.scalar());
      results.add(rule.apply(n, rate, n.g.reshape(n.x(1), Shape.scalar()), operands));
    }
    var ordered = new ArrayList<Value>();
    for (int o = 0; o < each - 1; o++) {
      for (var result : results) ordered.add(result.get(o));
    }
    return ordered;
  }

  private static Value regularized(OpContext n, Value gradient, Value x, double otherwise) {
    return n.g.add(gradient, n.g.mul(x, n.number("norm_coefficient", otherwise)));
  }

  private static List<Value> adagrad(OpContext n, Value rate, Value step, List<Value> v) {
    var g = n.g;
    var x = v.getFirst();
    var steps = g.mul(g.convert(step, x.type().dtype()), n.number("decay_factor", 0));
    var decayed = g.div(rate, g.add(steps, 1));
    var gradient = regularized(n, v.get(1), x, 0);
    var squares = g.add(v.get(2), g.mul(gradient, gradient));
    var root = g.add(g.unary(UnaryKind.SQRT, squares), n.number("epsilon", 1e-6f));
    return List.of(g.sub(x, g.div(g.mul(decayed, gradient), root)), squares);
  }

  private static List<Value> adam(OpContext n, Value rate, Value step, List<Value> v) {
    var g = n.g;
    var x = v.getFirst();
    double alpha = n.number("alpha", 0.9f);
    double beta = n.number("beta", 0.999f);
    var gradient = regularized(n, v.get(1), x, 0);
    var first = g.add(g.mul(v.get(2), alpha), g.mul(gradient, 1 - alpha));
    var second = g.add(g.mul(v.get(3), beta), g.mul(g.mul(gradient, gradient), 1 - beta));
    var root = g.add(g.unary(UnaryKind.SQRT, second), n.number("epsilon", 1e-6f));
    // At step 0 nothing is corrected.
    var steps = g.convert(step, x.type().dtype());
    var started = g.compare(CompareKind.GT, steps, 0);
    var correction =
        g.div(g.unary(UnaryKind.SQRT, unbiased(g, beta, steps)), unbiased(g, alpha, steps));
    var corrected = g.mul(rate, g.select(started, correction, g.fill(correction.type(), 1)));
    var moved = g.sub(x, g.div(g.mul(corrected, first), root));
    return List.of(g.mul(moved, 1 - n.number("norm_coefficient_post", 0)), first, second);
  }

  private static Value unbiased(GraphBuilder g, double decay, Value steps) {
    return g.sub(1, g.binary(BinaryKind.POW, g.fill(steps.type(), decay), steps));
  }

  private static List<Value> momentum(OpContext n, Value rate, Value step, List<Value> v) {
    var g = n.g;
    var x = v.getFirst();
    double alpha = n.required("alpha").number();
    double beta = n.required("beta").number();
    var gradient = regularized(n, v.get(1), x, 0);
    // The first step takes the gradient whole.
    var first = g.compare(CompareKind.GT, step, g.scalar(DType.I64, 0L));
    var weight = g.select(first, g.fill(rate.type(), beta), g.fill(rate.type(), 1));
    var next = g.add(g.mul(v.get(2), alpha), g.mul(gradient, weight));
    boolean nesterov = n.text("mode", "standard").equals("nesterov");
    var direction = nesterov ? g.add(gradient, g.mul(next, alpha)) : next;
    return List.of(g.sub(x, g.mul(rate, direction)), next);
  }
}
