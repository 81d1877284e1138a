package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.Attention;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Attention and the rotation of its queries and keys. */
final class AttentionOperators {
  private AttentionOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Attention", Operator.all(AttentionOperators::attention)),
        entry("RotaryEmbedding", Operator.one(AttentionOperators::rotary)));
  }

  /** Of the domain for operators that are not settled. */
  static Map<String, Operator> preview() {
    return Map.ofEntries(entry("FlexAttention", Operator.one(AttentionOperators::flexible)));
  }

  private static List<Value> attention(OpContext n) {
    var g = n.g;
    boolean packed = n.type(0).rank() == 3;
    var q = heads(n, n.x(0), "q_num_heads");
    var k = heads(n, n.x(1), "kv_num_heads");
    var v = heads(n, n.x(2), "kv_num_heads");
    long past = 0;
    if (n.has(4) != n.has(5)) throw n.error("needs past_key and past_value, or neither");
    if (n.has(4)) {
      past = n.x(4).dim(2);
      k = g.concatenate(2, List.of(n.x(4), k));
      v = g.concatenate(2, List.of(n.x(5), v));
    }
    var lengths = n.optional(6);
    var settings =
        new Scores.Settings(
            n.number("scale", 1 / Math.sqrt((double) q.dim(3))),
            n.number("softcap", 0),
            n.flag("is_causal", false),
            n.integer("left_window_size", -1),
            n.integer("right_window_size", -1),
            past,
            n.hasAttribute("softmax_precision")
                ? Optional.of(n.dtype(n.integer("softmax_precision", 1)))
                : Optional.empty());
    var scores = new Scores(g, settings, q, k, v, mask(n, k.dim(2)), lengths);
    boolean shows = n.hasOutput(3);
    var y = shows ? scores.result() : scores.fused().orElseGet(scores::result);
    var results = new ArrayList<>(List.of(packed ? merge(n, y) : y, k, v));
    if (shows) results.add(scores.shown((int) n.integer("qk_matmul_output_mode", 0)));
    return results;
  }

  /** Padded to the number of keys: what it does not mention is not seen. */
  private static Optional<Value> mask(OpContext n, long keys) {
    if (!n.has(3)) return Optional.empty();
    var g = n.g;
    var mask = n.x(3);
    long missing = keys - mask.dim(-1);
    if (missing <= 0 || mask.dim(-1) == 1) return Optional.of(mask);
    var dtype = mask.type().dtype();
    var rest = mask.type().with(mask.shape().with(-1, missing));
    var hidden = dtype.isBool() ? g.fill(rest, 0) : g.fill(rest, Double.NEGATIVE_INFINITY);
    return Optional.of(g.concatenate(mask.rank() - 1, List.of(mask, hidden)));
  }

  /** [B, S, H·D] to [B, H, S, D]. */
  private static Value heads(OpContext n, Value x, String attribute) {
    if (x.rank() == 4) return x;
    return split(n, x, n.required(attribute).integer());
  }

  static Value split(OpContext n, Value x, long heads) {
    if (x.rank() != 3 || heads < 1 || x.dim(2) % heads != 0) {
      throw n.error("needs [B, S, H·D] for %d heads; got %s".formatted(heads, x.type()));
    }
    var wide = Shape.of(x.dim(0), x.dim(1), heads, x.dim(2) / heads);
    return n.g.transpose(n.g.reshape(x, wide), List.of(0, 2, 1, 3));
  }

  /** [B, H, S, D] to [B, S, H·D]. */
  static Value merge(OpContext n, Value x) {
    var moved = n.g.transpose(x, List.of(0, 2, 1, 3));
    return n.g.reshape(moved, Shape.of(x.dim(0), x.dim(2), x.dim(1) * x.dim(3)));
  }

  private static Value flexible(OpContext n) {
    var g = n.g;
    var q = n.x(0);
    var dtype = q.type().dtype();
    var precision =
        n.hasAttribute("softmax_precision")
            ? n.dtype(n.integer("softmax_precision", 1))
            : dtype == DType.F64 ? DType.F64 : DType.F32;
    var settings =
        new Scores.Settings(
            n.number("scale", 1 / Math.sqrt((double) q.dim(3))),
            0,
            false,
            -1,
            -1,
            0,
            Optional.empty());
    var scores = new Scores(g, settings, q, n.x(1), n.x(2), Optional.empty(), Optional.empty());
    if (!n.hasAttribute("score_mod") && !n.hasAttribute("prob_mod")) {
      var fused = scores.fused();
      if (fused.isPresent()) return fused.get();
    }
    var s = modified(n, "score_mod", g.convert(scores.raw(), precision));
    var p = modified(n, "prob_mod", g.add(new SoftmaxOp.Softmax(3), s));
    var v = g.convert(scores.values(), precision);
    return g.convert(g.matmul(p, v), dtype);
  }

  private static Value modified(OpContext n, String attribute, Value scores) {
    var modifier = n.attribute(attribute);
    if (modifier == null || modifier.graph() == null) return scores;
    var graph = modifier.graph();
    if (graph.inputs().size() != 1 || graph.outputs().size() != 1) {
      throw n.error("needs a %s of one input and one output".formatted(attribute));
    }
    var scope = n.scope().nested(n.scope().block());
    scope.bind(graph.inputs().getFirst().name(), n.computed(scores));
    return n.value(n.importer().graph(graph, scope).getFirst());
  }

  private static Value rotary(OpContext n) {
    long rotated = n.integer("rotary_embedding_dim", 0);
    boolean interleaved = n.flag("interleaved", false);
    return rotary(
        n, n.x(0), n.x(1), n.x(2), n.optional(3), rotated, interleaved, n.integer("num_heads", 0));
  }

  /**
   * @param x [B, H, S, D] or [B, S, H·D]
   * @param cos [B, S, R/2], or with positions [P, R/2]
   */
  static Value rotary(
      OpContext n,
      Value x,
      Value cos,
      Value sin,
      Optional<Value> positions,
      long rotated,
      boolean interleaved,
      long heads) {
    var g = n.g;
    boolean packed = x.rank() == 3;
    var wide = packed ? split(n, x, heads) : x;
    long width = rotated == 0 ? wide.dim(3) : rotated;
    var turned = g.slice(wide, 3, 0, width);
    var angles = new ArrayList<Value>();
    for (var table : List.of(cos, sin)) {
      var rows = positions.map(p -> g.add(new Primitive.Gather(0), table, p)).orElse(table);
      if (rows.dim(-1) != width / 2) {
        throw n.error("needs %d angles a position; got %s".formatted(width / 2, rows.type()));
      }
      var shape = Shape.of(rows.rank() == 2 ? 1 : rows.dim(0), 1, rows.dim(-2), width / 2);
      angles.add(g.convert(g.reshape(rows, shape), x.type().dtype()));
    }
    var op = new Attention.RotaryEmbedding(interleaved);
    var y = g.add(op, turned, angles.getFirst(), angles.get(1));
    if (width < wide.dim(3)) {
      y = g.concatenate(3, List.of(y, g.slice(wide, 3, width, wide.dim(3))));
    }
    return packed ? merge(n, y) : y;
  }
}
