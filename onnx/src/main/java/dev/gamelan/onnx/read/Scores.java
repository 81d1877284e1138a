package dev.gamelan.onnx.read;

import dev.gamelan.ir.Attention;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Attention as ONNX has it: as our composite where that says the same, else step by step, with
 * every intermediate that a model may ask for.
 */
final class Scores {
  /**
   * @param left how many keys before its own position a query sees; −1 for all
   * @param right how many after it; −1 for all
   * @param past keys that come from a cache, before those of the queries
   * @param precision the dtype of the softmax, if it is not that of the operands
   */
  record Settings(
      double scale,
      double softcap,
      boolean causal,
      long left,
      long right,
      long past,
      Optional<DType> precision) {}

  private final GraphBuilder g;
  private final Settings settings;
  private final Value q;
  private final Value k;
  private final Value v;
  private final Optional<Value> mask;
  private final Optional<Value> lengths;
  private @Nullable Value capped;
  private @Nullable Value biased;
  private @Nullable Value probabilities;

  /**
   * @param q [B, H, S, D]
   * @param k [B, G, T, D]
   * @param v [B, G, T, E]
   * @param mask bool or to be added, broadcast to [B, H, S, T]
   * @param lengths [B]: how many keys of each row are valid
   */
  Scores(
      GraphBuilder g,
      Settings settings,
      Value q,
      Value k,
      Value v,
      Optional<Value> mask,
      Optional<Value> lengths) {
    this.g = g;
    this.settings = settings;
    this.q = q;
    this.k = k;
    this.v = v;
    this.mask = mask;
    this.lengths = lengths;
    if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4 || q.dim(1) % Math.max(k.dim(1), 1) != 0) {
      throw new IllegalArgumentException(
          "needs q [B, H, S, D], k [B, G, T, D] and v [B, G, T, E] with H a multiple of G; got %s, %s, %s"
              .formatted(q.type(), k.type(), v.type()));
    }
  }

  /** The composite, if it says the same. */
  Optional<Value> fused() {
    long queries = q.dim(2);
    // In the composite the last query stands at the last valid key.
    boolean aligned = lengths.isPresent() || k.dim(2) - queries == settings.past();
    boolean windows = settings.left() >= 0 || settings.right() >= 0;
    boolean window = settings.causal() && settings.left() >= 0;
    boolean wide = settings.precision().isEmpty() || settings.precision().get().bits() <= 32;
    boolean dtypes =
        k.type().dtype() == q.type().dtype()
            && v.type().dtype() == q.type().dtype()
            && mask.map(m -> m.type().dtype().isBool() || m.type().dtype() == q.type().dtype())
                .orElse(true);
    if ((settings.causal() && !aligned) || (windows && !settings.causal()) || !wide || !dtypes) {
      return Optional.empty();
    }
    var operands = new ArrayList<>(List.of(q, k, v));
    mask.ifPresent(operands::add);
    lengths.ifPresent(l -> operands.add(g.convert(l, DType.I32)));
    var op =
        new Attention.ScaledDotProductAttention(
            settings.scale(),
            settings.causal(),
            mask.isPresent(),
            lengths.isPresent(),
            window ? settings.left() + 1 : 0,
            settings.softcap());
    return Optional.of(g.addAll(op, operands).getFirst());
  }

  /** Scaled, nothing else. */
  Value raw() {
    var product = g.matmul(g.widen(q), g.transposeLast(repeated(g.widen(k))));
    return g.mul(product, settings.scale());
  }

  /** Every head has keys and values of its own. */
  private Value repeated(Value x) {
    long groups = x.dim(1);
    if (groups == q.dim(1)) return x;
    var wide = Shape.of(x.dim(0), groups, q.dim(1) / groups, x.dim(2), x.dim(3));
    var stretched = g.broadcastInDim(x, wide, List.of(0, 1, 3, 4));
    return g.reshape(stretched, Shape.of(x.dim(0), q.dim(1), x.dim(2), x.dim(3)));
  }

  Value values() {
    return repeated(v);
  }

  /** Step by step. */
  Value result() {
    var scores = raw();
    if (settings.softcap() > 0) {
      scores = g.mul(g.tanh(g.mul(scores, 1 / settings.softcap())), settings.softcap());
    }
    capped = scores;
    var hidden = g.fill(scores.type(), Double.NEGATIVE_INFINITY);
    if (mask.isPresent()) {
      var m = mask.get();
      scores =
          m.type().dtype().isBool()
              ? g.select(g.broadcastTo(m, scores.shape()), scores, hidden)
              : g.add(scores, g.convert(m, scores.type().dtype()));
    }
    var visible = visible(scores.shape());
    if (visible.isPresent()) scores = g.select(visible.get(), scores, hidden);
    biased = scores;
    var precise = settings.precision().map(p -> wider(p)).orElse(scores.type().dtype());
    var s = g.convert(scores, precise);
    var axes = List.of(3);
    // A row that sees nothing is 0.
    var max = g.reduceKeep(ReduceKind.MAX, s, axes);
    var empty = g.compare(CompareKind.EQ, max, Double.NEGATIVE_INFINITY);
    var e = g.exp(g.sub(s, g.select(empty, g.zerosLike(max), max)));
    var sum = g.reduceKeep(ReduceKind.SUM, e, axes);
    var p = g.div(e, g.select(empty, g.fill(sum.type(), 1), sum));
    probabilities = g.convert(p, scores.type().dtype());
    var values = g.convert(values(), scores.type().dtype());
    return g.convert(g.matmul(probabilities, values), q.type().dtype());
  }

  private static DType wider(DType dtype) {
    return dtype == DType.F64 ? DType.F64 : DType.F32;
  }

  /** The keys that a query sees by their positions. */
  private Optional<Value> visible(Shape shape) {
    boolean windows = settings.left() >= 0 || settings.right() >= 0;
    if (!settings.causal() && !windows && lengths.isEmpty()) return Optional.empty();
    var type = new TensorType(DType.I64, shape);
    var key = g.iota(type, 3);
    var first = g.scalar(DType.I64, settings.past());
    Value visible = null;
    if (lengths.isPresent()) {
      var valid = g.reshape(g.convert(lengths.get(), DType.I64), Shape.of(shape.dim(0), 1, 1, 1));
      visible = g.compare(CompareKind.LT, key, valid);
      first = g.sub(valid, g.scalar(DType.I64, shape.dim(2)));
    }
    var ahead = g.sub(key, g.add(g.iota(type, 2), first));
    if (settings.causal()) visible = both(visible, atMost(ahead, 0));
    if (settings.right() >= 0) visible = both(visible, atMost(ahead, settings.right()));
    if (settings.left() >= 0) visible = both(visible, atMost(g.neg(ahead), settings.left()));
    return Optional.ofNullable(visible);
  }

  private Value atMost(Value x, long limit) {
    return g.compare(CompareKind.LE, x, g.scalar(DType.I64, limit));
  }

  private Value both(@Nullable Value a, Value b) {
    return a == null ? b : g.binary(BinaryKind.AND, a, b);
  }

  /** What the optional output of scores shows. */
  Value shown(int mode) {
    var value =
        switch (mode) {
          case 0 -> raw();
          case 1 -> capped;
          case 2 -> biased;
          case 3 -> probabilities;
          default ->
              throw new IllegalArgumentException("qk_matmul_output_mode is 0 to 3; got " + mode);
        };
    if (value == null) throw new IllegalStateException("the result comes first");
    return g.convert(value, q.type().dtype());
  }
}
