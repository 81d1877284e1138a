package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Attention and the rotation of its queries and keys. */
public sealed interface Attention extends StandardComposite {
  /**
   * Operands: q [B, H, S, D], k [B, G, T, D], v [B, G, T, E], then the optional ones. H is a
   * multiple of G: H/G queries share a key. Result [B, H, S, E]. A query that sees no key gives 0.
   *
   * @param scale multiplies the scores
   * @param causal a query sees the keys up to its own position, the last query the last valid key
   * @param mask an operand after v: bool (true is seen) or floating (added), broadcast to [B, H, S,
   *     T]
   * @param lengths the last operand: i32[B], how many keys of each batch row are valid
   * @param window with {@code causal}, how many keys a query sees, itself included; 0 for all
   * @param softcap scores become softcap · tanh(score / softcap); 0 for none
   */
  record ScaledDotProductAttention(
      double scale, boolean causal, boolean mask, boolean lengths, long window, double softcap)
      implements Attention {
    /** No mask and no extras. */
    public static ScaledDotProductAttention of(double scale, boolean causal) {
      return new ScaledDotProductAttention(scale, causal, false, false, 0, 0);
    }

    OptionalInt maskAt() {
      return mask ? OptionalInt.of(3) : OptionalInt.empty();
    }

    OptionalInt lengthsAt() {
      return lengths ? OptionalInt.of(mask ? 4 : 3) : OptionalInt.empty();
    }

    int operands() {
      return 3 + (mask ? 1 : 0) + (lengths ? 1 : 0);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, operands());
      var q = inputs.getFirst();
      var k = inputs.get(1);
      var v = inputs.get(2);
      Expect.floats(this, inputs, q);
      Expect.that(
          q.rank() == 4
              && k.rank() == 4
              && v.rank() == 4
              && k.dtype() == q.dtype()
              && v.dtype() == q.dtype()
              && k.dim(0) == q.dim(0)
              && v.dim(0) == q.dim(0)
              && k.dim(1) == v.dim(1)
              && k.dim(1) > 0
              && q.dim(1) % k.dim(1) == 0
              && k.dim(3) == q.dim(3)
              && k.dim(2) == v.dim(2),
          this,
          inputs,
          "q [B, H, S, D], k [B, G, T, D] and v [B, G, T, E] with H a multiple of G",
          "reshape and transpose the heads to axis 1");
      if (mask) {
        var type = inputs.get(3);
        var scores = Shape.of(q.dim(0), q.dim(1), q.dim(2), k.dim(2));
        boolean broadcasts =
            type.rank() <= 4 && (type.dtype().isBool() || type.dtype() == q.dtype());
        for (int i = 1; broadcasts && i <= type.rank(); i++) {
          broadcasts = type.dim(-i) == 1 || type.dim(-i) == scores.dim(-i);
        }
        Expect.that(
            broadcasts, this, inputs, () -> "a mask that broadcasts to " + scores, "reshape it");
      }
      if (lengths) {
        Expect.that(
            inputs.getLast().equals(TensorType.of(DType.I32, q.dim(0))),
            this,
            inputs,
            () -> "lengths i32[%d]".formatted(q.dim(0)),
            "one for each batch row");
      }
      Expect.that(
          window >= 0 && (window == 0 || causal) && softcap >= 0,
          this,
          inputs,
          "a window of at least 0, with causal, and a softcap of at least 0",
          "0 turns either off");
      return List.of(q.with(q.shape().with(3, v.dim(3))));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var scores = new Scores(this, g, inputs);
      var result = g.reshape(g.matmul(scores.probabilities, scores.v), scores.resultShape());
      return List.of(g.convert(result, inputs.getFirst().type().dtype()));
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      boolean addedMask = mask && inputs.get(3).type().dtype().isFloat();
      if (addedMask) return Optional.empty();
      var operands = new ArrayList<>(inputs);
      operands.add(resultGradients.getFirst());
      var op = new AttentionGradient(scale, causal, mask, lengths, window, softcap);
      return Optional.of(g.addAll(op, operands));
    }
  }

  /** Operands: those of the attention, then the result gradient. Results: those of q, k and v. */
  record AttentionGradient(
      double scale, boolean causal, boolean mask, boolean lengths, long window, double softcap)
      implements Attention {
    private ScaledDotProductAttention forward() {
      return new ScaledDotProductAttention(scale, causal, mask, lengths, window, softcap);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, forward().operands() + 1);
      var result = forward().infer(inputs.subList(0, inputs.size() - 1)).getFirst();
      Expect.that(
          inputs.getLast().equals(result),
          this,
          inputs,
          () -> "a result gradient " + result,
          "check it");
      return inputs.subList(0, 3);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var f = new Scores(forward(), g, inputs.subList(0, inputs.size() - 1));
      var d = g.reshape(g.widen(inputs.getLast()), f.groupedShape(f.v.dim(-1)));
      var dv = g.matmul(g.transposeLast(f.probabilities), d);
      var dp = g.matmul(d, g.transposeLast(f.v));
      var p = f.probabilities;
      var ds = g.mul(p, g.sub(dp, g.reduceKeep(ReduceKind.SUM, g.mul(dp, p), List.of(3))));
      if (softcap > 0) {
        ds = g.mul(ds, g.sub(1, g.mul(f.tanh(), f.tanh())));
      }
      ds = g.mul(ds, scale);
      var dq = g.matmul(ds, f.k);
      var dk = g.matmul(g.transposeLast(ds), f.q);
      var dtype = inputs.getFirst().type().dtype();
      return List.of(
          g.convert(g.reshape(dq, inputs.getFirst().shape()), dtype),
          g.convert(g.reshape(dk, inputs.get(1).shape()), dtype),
          g.convert(g.reshape(dv, inputs.get(2).shape()), dtype));
    }
  }

  /**
   * The forward computation in f32 or wider, with the H/G queries of a key folded into the rows:
   * [B, G, H/G·S, D], so that no key is repeated.
   */
  final class Scores {
    private final ScaledDotProductAttention op;
    private final GraphBuilder g;
    private final Shape queries;
    final Value q;
    final Value k;
    final Value v;
    final Value probabilities;
    private @Nullable Value tanh;

    Scores(ScaledDotProductAttention op, GraphBuilder g, List<Value> inputs) {
      this.op = op;
      this.g = g;
      this.queries = inputs.getFirst().shape();
      this.k = g.widen(inputs.get(1));
      this.v = g.widen(inputs.get(2));
      this.q = g.reshape(g.widen(inputs.getFirst()), groupedShape(queries.dim(3)));
      var scores = g.mul(g.matmul(q, g.transposeLast(k)), op.scale());
      if (op.softcap() > 0) {
        tanh = g.tanh(g.mul(scores, 1 / op.softcap()));
        scores = g.mul(tanh, op.softcap());
      }
      this.probabilities = masked(scores, inputs);
    }

    Value tanh() {
      return Objects.requireNonNull(tanh);
    }

    Shape groupedShape(long last) {
      long groups = k.dim(1);
      return Shape.of(queries.dim(0), groups, queries.dim(1) / groups * queries.dim(2), last);
    }

    Shape resultShape() {
      return queries.with(3, v.dim(3));
    }

    private Value masked(Value grouped, List<Value> inputs) {
      var shape = Shape.of(queries.dim(0), queries.dim(1), queries.dim(2), k.dim(2));
      var scores = g.reshape(grouped, shape);
      var visible = visible(inputs, shape);
      if (op.maskAt().isPresent()) {
        var mask = inputs.get(op.maskAt().getAsInt());
        if (mask.type().dtype().isBool()) {
          var all = g.broadcastTo(mask, shape);
          visible = Optional.of(visible.map(v -> g.binary(BinaryKind.AND, v, all)).orElse(all));
        } else {
          scores = g.add(scores, g.widen(mask));
        }
      }
      if (visible.isPresent()) {
        var hidden = g.fill(scores.type(), Double.NEGATIVE_INFINITY);
        scores = g.select(visible.get(), scores, hidden);
      }
      if (seesSomething(shape)) {
        return g.reshape(g.add(new SoftmaxOp.Softmax(3), scores), grouped.shape());
      }
      // A row that sees nothing has no maximum; it is 0 throughout instead of NaN.
      var axes = List.of(3);
      var max = g.reduceKeep(ReduceKind.MAX, scores, axes);
      var empty = g.compare(CompareKind.EQ, max, Double.NEGATIVE_INFINITY);
      var shift = g.add(new TensorOp.StopGradient(), g.select(empty, g.zerosLike(max), max));
      var e = g.exp(g.sub(scores, shift));
      var sum = g.reduceKeep(ReduceKind.SUM, e, axes);
      var one = g.fill(sum.type(), 1);
      var p = g.mul(e, g.div(one, g.select(empty, one, sum)));
      return g.reshape(p, grouped.shape());
    }

    /** Whether each query sees a key, whatever the operands are: its own, if by position. */
    private boolean seesSomething(Shape shape) {
      return !op.mask() && !op.lengths() && (!op.causal() || shape.dim(3) >= shape.dim(2));
    }

    /** Which keys a query sees by position: valid ones, not later than itself, in the window. */
    private Optional<Value> visible(List<Value> inputs, Shape shape) {
      if (!op.causal() && !op.lengths()) return Optional.empty();
      var indices = new TensorType(DType.I32, shape);
      var key = g.iota(indices, 3);
      Value valid = g.scalar(DType.I32, shape.dim(3));
      var conditions = new ArrayList<Value>();
      if (op.lengthsAt().isPresent()) {
        var lengths = inputs.get(op.lengthsAt().getAsInt());
        valid = g.reshape(lengths, Shape.of(shape.dim(0), 1, 1, 1));
        conditions.add(g.compare(CompareKind.LT, key, valid));
      }
      if (op.causal()) {
        // The last query stands at the last valid key.
        var first = g.sub(valid, g.scalar(DType.I32, shape.dim(2)));
        var position = g.add(g.iota(indices, 2), first);
        conditions.add(g.compare(CompareKind.LE, key, position));
        if (op.window() > 0) {
          var earliest = g.sub(position, g.scalar(DType.I32, op.window()));
          conditions.add(g.compare(CompareKind.GT, key, earliest));
        }
      }
      return conditions.stream().reduce((a, b) -> g.binary(BinaryKind.AND, a, b));
    }
  }

  /**
   * Rotates pairs of the last axis (Su et al., arXiv:2104.09864). Operands: x [.., D], and cos and
   * sin that broadcast to [.., D/2]. A pair is (i, i + D/2), or neighbours when {@code
   * interleaved}.
   */
  record RotaryEmbedding(boolean interleaved) implements Attention {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var x = inputs.getFirst();
      Expect.floats(this, inputs, x);
      Expect.that(x.rank() > 0 && x.dim(-1) % 2 == 0, this, inputs, "an even last axis", "pad it");
      var half = x.shape().with(-1, x.dim(-1) / 2);
      for (var angle : inputs.subList(1, 3)) {
        boolean broadcasts = angle.dtype() == x.dtype() && angle.rank() <= x.rank();
        for (int i = 1; broadcasts && i <= angle.rank(); i++) {
          broadcasts = angle.dim(-i) == 1 || angle.dim(-i) == half.dim(-i);
        }
        Expect.that(
            broadcasts, this, inputs, () -> "cos and sin that broadcast to " + half, "reshape");
      }
      return List.of(x);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var cos = g.widen(inputs.get(1));
      var sin = g.widen(inputs.get(2));
      int last = x.rank() - 1;
      long half = x.dim(last) / 2;
      var halfShape = x.shape().with(last, half);
      // Neighbours as an axis of their own, so that both forms are a concatenation.
      var pairs =
          g.reshape(x, interleaved ? halfShape.append(2) : halfShape.with(last, 2).append(half));
      int pairAxis = interleaved ? last + 1 : last;
      var a = g.reshape(g.slice(pairs, pairAxis, 0, 1), halfShape);
      var b = g.reshape(g.slice(pairs, pairAxis, 1, 2), halfShape);
      var rotatedA = g.sub(g.mul(a, cos), g.mul(b, sin));
      var rotatedB = g.add(g.mul(b, cos), g.mul(a, sin));
      var one = pairs.shape().with(pairAxis, 1);
      var rotated =
          g.concatenate(pairAxis, List.of(g.reshape(rotatedA, one), g.reshape(rotatedB, one)));
      return List.of(g.convert(g.reshape(rotated, x.shape()), inputs.getFirst().type().dtype()));
    }
  }
}
