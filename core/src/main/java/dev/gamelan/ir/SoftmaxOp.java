package dev.gamelan.ir;

import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Optional;

/** Softmax and what is computed with it. All subtract the maximum first, so nothing overflows. */
public sealed interface SoftmaxOp extends StandardComposite {
  /** eˣ / Σ eˣ along an axis. */
  record Softmax(int axis) implements SoftmaxOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      return oneFloat(this, inputs, axis);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var axes = List.of(axis);
      var e = g.exp(g.sub(x, g.reduceKeep(ReduceKind.MAX, x, axes)));
      // One division a row: they take longer than anything else here.
      var sum = g.reduceKeep(ReduceKind.SUM, e, axes);
      var y = g.mul(e, g.div(g.fill(sum.type(), 1), sum));
      return List.of(g.convert(y, inputs.getFirst().type().dtype()));
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      return Optional.of(
          g.addAll(
              new SoftmaxGradient(axis), List.of(results.getFirst(), resultGradients.getFirst())));
    }
  }

  /** Operands: a softmax y and its gradient d. y · (d − Σ d·y). */
  record SoftmaxGradient(int axis) implements SoftmaxOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      Expect.sameTypes(this, inputs, inputs);
      return oneFloat(this, inputs.subList(0, 1), axis);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var y = g.widen(inputs.getFirst());
      var d = g.widen(inputs.get(1));
      var projection = g.reduceKeep(ReduceKind.SUM, g.mul(d, y), List.of(axis));
      return List.of(g.convert(g.mul(y, g.sub(d, projection)), inputs.getFirst().type().dtype()));
    }
  }

  /** x − log Σ eˣ along an axis. */
  record LogSoftmax(int axis) implements SoftmaxOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      return oneFloat(this, inputs, axis);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var axes = List.of(axis);
      var shifted = g.sub(x, g.reduceKeep(ReduceKind.MAX, x, axes));
      var sum = g.reduceKeep(ReduceKind.SUM, g.exp(shifted), axes);
      return List.of(g.convert(g.sub(shifted, g.log(sum)), inputs.getFirst().type().dtype()));
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      var d = g.widen(resultGradients.getFirst());
      var y = g.widen(results.getFirst());
      var sum = g.reduceKeep(ReduceKind.SUM, d, List.of(axis));
      var gradient = g.sub(d, g.mul(g.exp(y), sum));
      return Optional.of(List.of(g.convert(gradient, inputs.getFirst().type().dtype())));
    }
  }

  /** log Σ eˣ along an axis, which the result drops; −∞ of nothing but −∞. */
  record Logsumexp(int axis) implements SoftmaxOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      var type = oneFloat(this, inputs, axis).getFirst();
      return List.of(type.with(type.shape().without(List.of(axis))));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var axes = List.of(axis);
      var max = g.reduceKeep(ReduceKind.MAX, x, axes);
      // ∞ − ∞ is NaN: an infinite maximum is not subtracted. Nor does a gradient pass through it.
      var shift =
          g.add(
              new TensorOp.StopGradient(),
              g.select(g.unary(UnaryKind.IS_FINITE, max), max, g.zerosLike(max)));
      var sum = g.sum(g.exp(g.sub(x, shift)), axes);
      var result = g.add(g.log(sum), g.reshape(shift, sum.shape()));
      return List.of(g.convert(result, inputs.getFirst().type().dtype()));
    }
  }

  /**
   * Operands: logits [.., C] and integer labels [..]. The negative log-likelihood of each label,
   * [..]. A label outside [0, C) is as an index of gather.
   */
  record CrossEntropy() implements SoftmaxOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var logits = inputs.getFirst();
      Expect.floats(this, inputs, logits);
      Expect.indices(this, inputs, inputs.get(1));
      Expect.that(
          logits.rank() > 0 && logits.shape().without(List.of(-1)).equals(inputs.get(1).shape()),
          this,
          inputs,
          "logits [.., classes] and labels [..]",
          "labels are class numbers, not one-hot rows");
      return List.of(logits.with(inputs.get(1).shape()));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var logits = inputs.getFirst();
      var labels = inputs.get(1);
      int axis = logits.rank() - 1;
      var log = g.add(new LogSoftmax(axis), g.widen(logits));
      var column = g.reshape(labels, labels.shape().append(1));
      var picked = g.add(new Primitive.GatherElements(axis), log, column);
      return List.of(g.convert(g.reshape(g.neg(picked), labels.shape()), logits.type().dtype()));
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      var logits = g.widen(inputs.getFirst());
      var d = g.widen(resultGradients.getFirst());
      var p = g.add(new Softmax(logits.rank() - 1), logits);
      var target = g.add(new TensorOp.OneHot(logits.dim(-1), logits.type().dtype()), inputs.get(1));
      var gradient = g.mul(g.sub(p, target), g.reshape(d, d.shape().append(1)));
      return Optional.of(List.of(g.convert(gradient, inputs.getFirst().type().dtype())));
    }
  }

  private static List<TensorType> oneFloat(Op op, List<TensorType> inputs, int axis) {
    Expect.count(op, inputs, 1);
    Expect.floats(op, inputs, inputs.getFirst());
    Expect.axis(op, inputs, inputs.getFirst(), axis);
    return inputs;
  }
}
