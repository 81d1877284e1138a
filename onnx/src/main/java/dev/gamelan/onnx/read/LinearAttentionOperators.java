package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attention whose past is a matrix of one size: a scan over the steps. */
final class LinearAttentionOperators {
  private LinearAttentionOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("LinearAttention", Operator.all(LinearAttentionOperators::attention)));
  }

  private static List<Value> attention(OpContext n) {
    var g = n.g;
    long heads = n.required("q_num_heads").integer();
    long groups = n.required("kv_num_heads").integer();
    var rule = n.text("update_rule", "gated_delta");
    if (!List.of("linear", "gated", "delta", "gated_delta").contains(rule)) {
      throw n.error("has update_rule '%s'".formatted(rule));
    }
    boolean gated = rule.startsWith("gated");
    boolean delta = rule.endsWith("delta");
    if (gated != n.has(4) || delta != n.has(5) || groups < 1 || heads % groups != 0) {
      throw n.error("has decay, beta or heads that do not fit the rule '%s'".formatted(rule));
    }
    var q = steps(n, n.x(0), heads);
    var k = steps(n, n.x(1), groups);
    var v = steps(n, n.x(2), groups);
    long batch = q.dim(1);
    long width = k.dim(3);
    var stateShape = Shape.of(batch, groups, width, v.dim(3));
    double given = n.number("scale", 0);
    double scale = given == 0 ? 1 / Math.sqrt((double) q.dim(3)) : given;
    var state = n.has(3) ? g.convert(n.x(3), DType.F32) : g.fill(q.type().with(stateShape), 0);
    var sequences = new ArrayList<>(List.of(q, k, v));
    if (gated) sequences.add(steps(n, n.x(4), groups));
    if (delta) sequences.add(steps(n, n.x(5), n.x(5).dim(-1)));
    var types = new ArrayList<>(List.of(state.type()));
    sequences.forEach(s -> types.add(s.type().with(s.shape().without(List.of(0)))));
    var body =
        GraphBuilder.trace(
            types,
            (b, x) -> {
              var s = x.getFirst();
              if (gated) {
                var decay = b.exp(x.get(4));
                s = b.mul(s, b.reshape(decay, decay.shape().append(1)));
              }
              var key = b.reshape(x.get(2), Shape.of(batch, groups, width, 1));
              var value = b.reshape(x.get(3), Shape.of(batch, groups, 1, v.dim(3)));
              if (delta) {
                var retrieved = b.matmul(b.transposeLast(key), s);
                var beta = x.get(gated ? 5 : 4);
                value = b.mul(b.reshape(beta, beta.shape().append(1)), b.sub(value, retrieved));
              }
              s = b.add(s, b.mul(key, value));
              // The heads of a group read one state.
              var query = b.reshape(x.get(1), Shape.of(batch, groups, heads / groups, width));
              var read = b.mul(b.matmul(query, s), scale);
              return List.of(s, b.reshape(read, Shape.of(batch, heads, v.dim(3))));
            });
    var operands = new ArrayList<>(List.of(state));
    operands.addAll(sequences);
    var op = new Primitive.Scan(body, q.dim(0), 1, sequences.size(), false);
    var results = g.addAll(op, operands);
    var output = g.transpose(results.get(1), List.of(1, 0, 2, 3));
    var packed = g.reshape(output, Shape.of(batch, q.dim(0), heads * v.dim(3)));
    var stateType = n.has(3) ? n.type(3).dtype() : n.type(0).dtype();
    return List.of(g.convert(packed, n.type(0).dtype()), g.convert(results.getFirst(), stateType));
  }

  /** [B, T, H·D] to [T, B, H, D], in f32. */
  private static Value steps(OpContext n, Value x, long heads) {
    if (x.rank() != 3 || heads < 1 || x.dim(2) % heads != 0) {
      throw n.error("needs [B, T, H·D] for %d heads; got %s".formatted(heads, x.type()));
    }
    var wide = Shape.of(x.dim(0), x.dim(1), heads, x.dim(2) / heads);
    return n.g.transpose(n.g.reshape(n.g.convert(x, DType.F32), wide), List.of(1, 0, 2, 3));
  }
}
