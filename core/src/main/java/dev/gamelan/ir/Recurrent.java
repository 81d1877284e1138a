package dev.gamelan.ir;

import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Recurrent layers over the first axis of x [T, N, I], as scans. Gates are ordered as in PyTorch.
 */
public sealed interface Recurrent extends StandardComposite {
  /**
   * Operands: x [T, N, I], h [N, H], c [N, H], input weight [4H, I], recurrent weight [4H, H], bias
   * [4H]; gates: input, forget, cell, output. Results: every h [T, N, H], last h, last c. With
   * {@code reverse} from the last step to the first.
   */
  record Lstm(boolean reverse) implements Recurrent {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 6);
      weights(this, inputs, List.of(3, 4, 5), 4);
      var h = inputs.get(1);
      Expect.that(inputs.get(2).equals(h), this, inputs, "c like h", "check the initial state");
      return List.of(h.with(h.shape().insert(0, inputs.getFirst().dim(0))), h, h);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = project(g, inputs.getFirst(), inputs.get(3), inputs.get(5));
      var state = inputs.subList(1, 3);
      return scan(
          g,
          state,
          x,
          List.of(inputs.get(4)),
          reverse,
          (b, operands) -> {
            var recurrent = b.matmul(operands.getFirst(), b.transposeLast(operands.get(3)));
            var gates = gates(b, b.add(operands.get(2), recurrent), 4);
            var kept = b.mul(b.logistic(gates.get(1)), operands.get(1));
            var written = b.mul(b.logistic(gates.getFirst()), b.tanh(gates.get(2)));
            var c = b.add(kept, written);
            return List.of(b.mul(b.logistic(gates.get(3)), b.tanh(c)), c);
          });
    }
  }

  /**
   * Operands: x [T, N, I], h [N, H], input weight [3H, I], recurrent weight [3H, H], input bias
   * [3H], recurrent bias [3H]; gates: reset, update, new. Results: every h [T, N, H], last h.
   */
  record Gru(boolean reverse) implements Recurrent {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 6);
      weights(this, inputs, List.of(2, 3, 4), 3);
      Expect.that(inputs.get(5).equals(inputs.get(4)), this, inputs, "biases alike", "check them");
      var h = inputs.get(1);
      return List.of(h.with(h.shape().insert(0, inputs.getFirst().dim(0))), h);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = project(g, inputs.getFirst(), inputs.get(2), inputs.get(4));
      return scan(
          g,
          inputs.subList(1, 2),
          x,
          List.of(inputs.get(3), inputs.get(5)),
          reverse,
          (b, operands) -> {
            var h = operands.getFirst();
            var fromInput = gates(b, operands.get(1), 3);
            var product = b.matmul(h, b.transposeLast(operands.get(2)));
            var fromState = gates(b, b.add(product, operands.get(3)), 3);
            var reset = b.logistic(b.add(fromInput.getFirst(), fromState.getFirst()));
            var update = b.logistic(b.add(fromInput.get(1), fromState.get(1)));
            var fresh = b.tanh(b.add(fromInput.get(2), b.mul(reset, fromState.get(2))));
            return List.of(b.add(b.mul(b.sub(1, update), fresh), b.mul(update, h)));
          });
    }
  }

  /** x·Wᵀ + b for all steps at once: one large contraction instead of T small ones. */
  private static Value project(GraphBuilder g, Value x, Value weight, Value bias) {
    var flat = g.reshape(x, Shape.of(x.dim(0) * x.dim(1), x.dim(2)));
    var projected = g.add(g.matmul(flat, g.transposeLast(weight)), bias);
    return g.reshape(projected, Shape.of(x.dim(0), x.dim(1), weight.dim(0)));
  }

  /**
   * A scan whose body takes state, a slice of x and constants, and whose first state is stacked.
   */
  private static List<Value> scan(
      GraphBuilder g,
      List<Value> state,
      Value x,
      List<Value> constants,
      boolean reverse,
      BiFunction<GraphBuilder, List<Value>, List<Value>> step) {
    var operands = new ArrayList<>(state);
    operands.add(x);
    operands.addAll(constants);
    var types = new ArrayList<>(operands.stream().map(Value::type).toList());
    types.set(state.size(), x.type().with(x.shape().without(List.of(0))));
    var body =
        GraphBuilder.trace(
            types,
            (b, values) -> {
              var results = new ArrayList<>(step.apply(b, values));
              results.add(results.getFirst());
              return results;
            });
    var results = g.addAll(new Primitive.Scan(body, x.dim(0), state.size(), 1, reverse), operands);
    var ordered = new ArrayList<Value>();
    ordered.add(results.getLast());
    ordered.addAll(results.subList(0, state.size()));
    return ordered;
  }

  private static List<Value> gates(GraphBuilder g, Value all, int count) {
    long width = all.dim(1) / count;
    var gates = new ArrayList<Value>();
    for (int i = 0; i < count; i++) gates.add(g.slice(all, 1, i * width, (i + 1) * width));
    return gates;
  }

  private static void weights(Op op, List<TensorType> inputs, List<Integer> at, int gates) {
    var x = inputs.getFirst();
    var h = inputs.get(1);
    Expect.floats(op, inputs, x);
    boolean ranks =
        x.rank() == 3 && h.rank() == 2 && h.dtype() == x.dtype() && h.dim(0) == x.dim(1);
    Expect.that(ranks, op, inputs, "x [T, N, I] and h [N, H]", "time is the first axis");
    long rows = gates * h.dim(1);
    Expect.that(
        inputs.get(at.getFirst()).equals(x.with(Shape.of(rows, x.dim(2))))
            && inputs.get(at.get(1)).equals(x.with(Shape.of(rows, h.dim(1))))
            && inputs.get(at.get(2)).equals(x.with(Shape.of(rows))),
        op,
        inputs,
        () -> "weights [%d, I] and [%d, H] and a bias [%d]".formatted(rows, rows, rows),
        "the gates are stacked along the first axis");
  }
}
