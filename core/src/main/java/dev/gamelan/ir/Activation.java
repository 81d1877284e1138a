package dev.gamelan.ir;

import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Optional;

/** Pointwise activations. */
public sealed interface Activation extends StandardComposite {
  /** The result of one operand {@code x}, already in the dtype to compute in. */
  Value apply(GraphBuilder g, Value x);

  @Override
  default List<TensorType> infer(List<TensorType> inputs) {
    Expect.count(this, inputs, 1);
    Expect.floats(this, inputs, inputs.getFirst());
    return inputs;
  }

  @Override
  default List<Value> expand(GraphBuilder g, List<Value> inputs) {
    var x = inputs.getFirst();
    return List.of(g.convert(apply(g, g.widen(x)), x.type().dtype()));
  }

  /** The gradient where {@code passes} is true, else 0. */
  private static Optional<List<Value>> masked(GraphBuilder g, Value passes, Value gradient) {
    return Optional.of(List.of(g.select(passes, gradient, g.zerosLike(gradient))));
  }

  /** max(x, 0); its gradient at 0 is 0. */
  record Relu() implements Activation {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      Expect.numbers(this, inputs, inputs.getFirst());
      return inputs;
    }

    @Override
    public Value apply(GraphBuilder g, Value x) {
      return g.max(x, 0);
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      var passes = g.compare(CompareKind.GT, inputs.getFirst(), 0);
      return masked(g, passes, resultGradients.getFirst());
    }
  }

  /** x where positive, else slope · x. */
  record LeakyRelu(double slope) implements Activation {
    @Override
    public Value apply(GraphBuilder g, Value x) {
      return g.select(g.compare(CompareKind.GT, x, 0), x, g.mul(x, slope));
    }
  }

  /** x where positive, else alpha · (eˣ − 1). */
  record Elu(double alpha) implements Activation {
    @Override
    public Value apply(GraphBuilder g, Value x) {
      // The branch that is not taken must stay finite, or its gradient would be inf · 0. A select
      // rather than a minimum, whose gradient at 0 would be one half.
      var positive = g.compare(CompareKind.GT, x, 0);
      var negative = g.unary(UnaryKind.EXPM1, g.select(positive, g.zerosLike(x), x));
      return g.select(positive, x, g.mul(negative, alpha));
    }
  }

  /** min(max(x, low), high); the gradient passes from low to high, both included. */
  record Clamp(double low, double high) implements Activation {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      Expect.numbers(this, inputs, inputs.getFirst());
      return inputs;
    }

    @Override
    public Value apply(GraphBuilder g, Value x) {
      return g.min(g.max(x, low), high);
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      var x = inputs.getFirst();
      var passes =
          g.binary(
              BinaryKind.AND,
              g.compare(CompareKind.GE, x, low),
              g.compare(CompareKind.LE, x, high));
      return masked(g, passes, resultGradients.getFirst());
    }
  }

  /** x · σ(x) (Elfwing et al., arXiv:1702.03118). */
  record Silu() implements Activation {
    @Override
    public Value apply(GraphBuilder g, Value x) {
      return g.mul(x, g.logistic(x));
    }
  }

  /** x · Φ(x), or with {@code tanh} its approximation (Hendrycks, Gimpel, arXiv:1606.08415). */
  record Gelu(boolean tanh) implements Activation {
    @Override
    public Value apply(GraphBuilder g, Value x) {
      if (!tanh) {
        var erf = g.unary(UnaryKind.ERF, g.mul(x, Math.sqrt(0.5)));
        return g.mul(g.mul(x, 0.5), g.add(erf, 1));
      }
      var cube = g.mul(g.mul(g.mul(x, x), x), 0.044715);
      var inner = g.mul(g.add(x, cube), Math.sqrt(2 / Math.PI));
      return g.mul(g.mul(x, 0.5), g.add(g.tanh(inner), 1));
    }
  }

  /** Operands gate and up: silu(gate) · up (Shazeer, arXiv:2002.05202). */
  record Swiglu() implements Activation {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      Expect.sameTypes(this, inputs, inputs);
      Expect.floats(this, inputs, inputs.getFirst());
      return inputs.subList(0, 1);
    }

    @Override
    public Value apply(GraphBuilder g, Value gate) {
      return new Silu().apply(g, gate);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var product = g.mul(apply(g, g.widen(inputs.getFirst())), g.widen(inputs.get(1)));
      return List.of(g.convert(product, inputs.getFirst().type().dtype()));
    }
  }
}
