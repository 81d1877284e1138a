package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What exporters and optimisers write for transformers in ONNX Runtime's own domain.
 *
 * @see <a href="https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md">their
 *     description</a>
 */
final class MicrosoftOperators {
  /** As good as −∞ for a softmax, without its NaN in rows of nothing else. */
  private static final double HIDDEN = -1e30;

  private MicrosoftOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Gelu", Operator.one(n -> n.g.add(new Activation.Gelu(false), n.x(0)))),
        entry("FastGelu", Operator.one(n -> n.g.add(new Activation.Gelu(true), biased(n)))),
        entry("BiasGelu", Operator.one(n -> n.g.add(new Activation.Gelu(false), biased(n)))),
        entry("QuickGelu", Operator.one(MicrosoftOperators::quickGelu)),
        entry("LayerNormalization", Operator.all(NormalizationOperators::layerNorm)),
        entry("SimplifiedLayerNormalization", Operator.one(NormalizationOperators::rmsNorm)),
        entry("SkipLayerNormalization", n -> skip(n, false)),
        entry("SkipSimplifiedLayerNormalization", n -> skip(n, true)),
        entry("EmbedLayerNormalization", MicrosoftOperators::embed),
        entry("Attention", Operator.all(MicrosoftOperators::attention)),
        entry("MultiHeadAttention", Operator.all(MicrosoftOperators::multiHeadAttention)),
        entry("RotaryEmbedding", Operator.one(MicrosoftOperators::rotary)),
        entry("FusedMatMul", Operator.one(MicrosoftOperators::fusedMatmul)),
        entry("MatMulNBits", Operator.one(MicrosoftOperators::matmulNBits)),
        entry("DynamicQuantizeMatMul", Operator.one(MicrosoftOperators::dynamicMatmul)));
  }

  private static Value biased(OpContext n) {
    return n.has(1) ? n.g.add(n.x(0), n.x(1)) : n.x(0);
  }

  private static Value quickGelu(OpContext n) {
    var x = n.x(0);
    return n.g.mul(x, n.g.logistic(n.g.mul(x, n.number("alpha", 1.702f))));
  }

  /** Normalises x + skip (+ bias); the sum is the fourth output. */
  private static List<Operand> skip(OpContext n, boolean simplified) {
    var g = n.g;
    int biasAt = simplified ? 3 : 4;
    var sum = g.add(n.x(0), n.x(1));
    if (n.has(biasAt)) sum = g.add(sum, n.x(biasAt));
    double epsilon = n.number("epsilon", 1e-12f);
    Value y;
    if (simplified) {
      y = g.add(new Normalization.RmsNorm(epsilon), sum, n.x(2));
    } else {
      var shift = n.optional(3).orElseGet(() -> g.zerosLike(n.x(2)));
      y = g.add(new Normalization.LayerNorm(1, epsilon), sum, n.x(2), shift);
    }
    var missing = new Operand.Missing();
    return List.of(n.computed(y), missing, missing, n.computed(sum));
  }

  /** The sum of word, position and segment embeddings, normalised. */
  private static List<Operand> embed(OpContext n) {
    var g = n.g;
    var ids = n.x(0);
    var sum = g.add(new Primitive.Gather(0), n.x(2), ids);
    var positions =
        n.has(8)
            ? g.add(new Primitive.Gather(0), n.x(3), n.x(8))
            : g.slice(n.x(3), 0, 0, ids.dim(1));
    sum = g.add(sum, positions);
    if (n.has(4)) sum = g.add(sum, g.add(new Primitive.Gather(0), n.x(4), n.x(1)));
    var norm = new Normalization.LayerNorm(1, n.number("epsilon", 1e-12f));
    var y = g.add(norm, sum, n.x(5), n.x(6));
    // How many tokens of each row are valid, if there is a mask that says so.
    var lengths =
        n.has(7)
            ? g.sum(g.convert(n.x(7), DType.I32), List.of(1))
            : g.fill(TensorType.of(DType.I32, ids.dim(0)), 0);
    return List.of(n.computed(y), n.computed(lengths), n.computed(sum));
  }

  // ---- attention

  /** Projects x to queries, keys and values, and attends. */
  private static List<Value> attention(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    long heads = n.required("num_heads").integer();
    if (n.has(4)) throw n.error("has 'past' as one tensor; export with MultiHeadAttention");
    if (n.flag("do_rotary", false)) throw n.error("has do_rotary; export with RotaryEmbedding");
    var projected = ContractionOperators.matmul(g, x, n.x(1), x.type().dtype());
    if (n.has(2)) projected = g.add(projected, n.x(2));
    long all = projected.dim(2);
    var sizes = n.integers("qkv_hidden_sizes", List.of(all / 3, all / 3, all / 3));
    if (sizes.size() != 3 || sizes.stream().mapToLong(Long::longValue).sum() != all) {
      throw n.error("splits %s into %s".formatted(projected.type(), sizes));
    }
    var q = g.slice(projected, 2, 0, sizes.getFirst());
    var k = g.slice(projected, 2, sizes.getFirst(), sizes.get(0) + sizes.get(1));
    var v = g.slice(projected, 2, sizes.get(0) + sizes.get(1), all);
    var keys = AttentionOperators.split(n, k, heads);
    var y =
        attend(
            n,
            AttentionOperators.split(n, q, heads),
            keys,
            AttentionOperators.split(n, v, heads),
            3,
            5,
            0);
    return List.of(y);
  }

  private static List<Value> multiHeadAttention(OpContext n) {
    var g = n.g;
    long heads = n.required("num_heads").integer();
    var q = n.x(0);
    var k = n.has(1) ? n.x(1) : q;
    var v = n.has(2) ? n.x(2) : k;
    if (q.rank() != 3 || k.rank() == 5) {
      throw n.error(
          "needs queries [B, S, H·D] and keys that are not packed; got %s and %s"
              .formatted(q.type(), k.type()));
    }
    if (n.has(3)) {
      var bias = n.x(3);
      long width = q.dim(2);
      q = g.add(q, g.slice(bias, 0, 0, width));
      if (k.rank() == 3) k = g.add(k, g.slice(bias, 0, width, 2 * width));
      if (v.rank() == 3) v = g.add(v, g.slice(bias, 0, 2 * width, bias.dim(0)));
    }
    var keys = k.rank() == 4 ? k : AttentionOperators.split(n, k, heads);
    var values = v.rank() == 4 ? v : AttentionOperators.split(n, v, heads);
    long past = 0;
    if (n.has(6)) {
      past = n.x(6).dim(2);
      keys = g.concatenate(2, List.of(n.x(6), keys));
      values = g.concatenate(2, List.of(n.x(7), values));
    }
    var y = attend(n, AttentionOperators.split(n, q, heads), keys, values, 4, 5, past);
    return List.of(y, keys, values);
  }

  /**
   * @param maskAt the input that says which keys are valid: lengths [B], or [B, T] or [B, S, T] of
   *     0 and 1
   * @param biasAt the input that is added to the scores
   */
  private static Value attend(
      OpContext n, Value q, Value k, Value v, int maskAt, int biasAt, long past) {
    var g = n.g;
    double given = n.number("scale", 0);
    var settings =
        new Scores.Settings(
            given == 0 ? 1 / Math.sqrt((double) q.dim(3)) : given,
            0,
            n.flag("unidirectional", false),
            -1,
            -1,
            past,
            Optional.empty());
    Optional<Value> lengths = Optional.empty();
    Optional<Value> mask = n.optional(biasAt);
    if (n.has(maskAt)) {
      var valid = n.x(maskAt);
      if (valid.rank() == 1 && valid.dim(0) == q.dim(0)) {
        lengths = Optional.of(valid);
      } else {
        var bool = g.compare(CompareKind.NE, valid, g.zerosLike(valid));
        var shape =
            switch (valid.rank()) {
              case 2 -> Shape.of(valid.dim(0), 1, 1, valid.dim(1));
              case 3 -> Shape.of(valid.dim(0), 1, valid.dim(1), valid.dim(2));
              default -> throw n.error("has a mask " + valid.type());
            };
        mask = Optional.of(both(g, mask, g.reshape(bool, shape)));
      }
    }
    // Lengths here do not move the queries, as those of our composite do.
    if (lengths.isPresent() && settings.causal()) {
      var rows = TensorType.of(DType.I32, q.dim(0), 1, 1, k.dim(2));
      var ends = g.reshape(g.convert(lengths.get(), DType.I32), Shape.of(q.dim(0), 1, 1, 1));
      mask = Optional.of(both(g, mask, g.compare(CompareKind.LT, g.iota(rows, 3), ends)));
      lengths = Optional.empty();
    }
    var scores = new Scores(g, settings, q, k, v, mask, lengths);
    return AttentionOperators.merge(n, scores.fused().orElseGet(scores::result));
  }

  /** What is added to the scores, where keys are visible; what is visible, if nothing is added. */
  private static Value both(GraphBuilder g, Optional<Value> bias, Value visible) {
    if (bias.isEmpty()) return visible;
    var type = bias.get().type().with(visible.shape());
    return g.add(bias.get(), g.select(visible, g.fill(type, 0), g.fill(type, HIDDEN)));
  }

  private static Value rotary(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var positions = n.x(1);
    long length = x.rank() == 4 ? x.dim(2) : x.dim(1);
    // One number is the first position; else there is one for each element.
    if (positions.shape().size() == 1) {
      var start = g.reshape(positions, Shape.scalar());
      var each = g.add(g.iota(TensorType.of(positions.type().dtype(), length), 0), start);
      positions = g.broadcastInDim(each, Shape.of(x.dim(0), length), List.of(1));
    }
    long rotated = n.integer("rotary_embedding_dim", 0);
    long heads = n.integer("num_heads", 0);
    if (heads == 0 && x.rank() == 3) {
      long width = rotated == 0 ? 2 * n.type(2).dim(1) : rotated;
      heads = x.dim(2) / width;
    }
    var given = Optional.of(positions);
    boolean interleaved = n.flag("interleaved", false);
    return AttentionOperators.rotary(n, x, n.x(2), n.x(3), given, rotated, interleaved, heads);
  }

  // ---- matrices

  private static Value fusedMatmul(OpContext n) {
    var g = n.g;
    var a = n.flag("transA", false) ? g.transposeLast(n.x(0)) : n.x(0);
    var b = n.flag("transB", false) ? g.transposeLast(n.x(1)) : n.x(1);
    var product = ContractionOperators.matmul(g, a, b, a.type().dtype());
    double alpha = n.number("alpha", 1);
    return alpha == 1 ? product : g.mul(product, alpha);
  }

  /** Weights [N, K/block, bytes] of 4 or 8 bits, low bits first, with a scale for each block. */
  private static Value matmulNBits(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    long columns = n.required("K").integer();
    long rows = n.required("N").integer();
    long bits = n.integer("bits", 4);
    long block = n.required("block_size").integer();
    var dtype =
        switch ((int) bits) {
          case 2 -> DType.U2;
          case 4 -> DType.U4;
          case 8 -> DType.U8;
          default -> throw n.error("has weights of %d bits; 2, 4 and 8 are taken".formatted(bits));
        };
    if (block < 1 || columns < 1 || rows < 1) throw n.error("has K, N or block_size below 1");
    if (n.has(4)) throw n.error("has g_idx, which reorders columns; it can't be imported");
    long blocks = Math.ceilDiv(columns, block);
    var packed = n.x(1);
    if (packed.shape().size() != rows * blocks * (block * bits / 8)) {
      throw n.error("has weights %s for K %d, N %d".formatted(packed.type(), columns, rows));
    }
    var flat = g.reshape(packed, Shape.of(rows, blocks * block * bits / 8));
    var narrow =
        bits == 8
            ? flat
            : g.reshape(g.add(new Primitive.Bitcast(dtype), flat), Shape.of(rows, blocks * block));
    var weights = g.convert(narrow, DType.U8);
    weights = g.slice(weights, 1, 0, columns);
    var scales = g.reshape(n.x(2), Shape.of(rows, blocks));
    var zeros = zeroPoints(n, rows, blocks, bits, dtype, scales.type());
    var compute = x.type().dtype();
    Value y;
    if (columns % block == 0) {
      var op = new TensorOp.QuantizedMatmul(block);
      var typed = g.convert(scales, compute);
      y = g.add(op, x, weights, typed, g.convert(zeros, compute));
    } else {
      var real =
          g.mul(
              g.sub(
                  g.convert(weights, compute),
                  blockwise(n, g.convert(zeros, compute), block, columns)),
              blockwise(n, g.convert(scales, compute), block, columns));
      y = ContractionOperators.matmul(g, x, g.transposeLast(real), compute);
    }
    return n.has(5) ? g.add(y, n.x(5)) : y;
  }

  private static Value blockwise(OpContext n, Value ofBlocks, long block, long columns) {
    var g = n.g;
    long rows = ofBlocks.dim(0);
    long blocks = ofBlocks.dim(1);
    var wide = g.broadcastInDim(ofBlocks, Shape.of(rows, blocks, block), List.of(0, 1));
    return g.slice(g.reshape(wide, Shape.of(rows, blocks * block)), 1, 0, columns);
  }

  /** [N, blocks]: the middle of the range if they are not given; packed by rows if they are. */
  private static Value zeroPoints(
      OpContext n, long rows, long blocks, long bits, DType dtype, TensorType scales) {
    var g = n.g;
    if (!n.has(3)) return g.fill(scales, 1 << (bits - 1));
    var given = n.x(3);
    if (given.type().dtype().isFloat()) return g.reshape(given, Shape.of(rows, blocks));
    if (bits == 8) return g.convert(g.reshape(given, Shape.of(rows, blocks)), scales.dtype());
    long bytes = Math.ceilDiv(blocks * bits, 8);
    var flat = g.reshape(given, Shape.of(rows, bytes));
    var narrow = g.add(new Primitive.Bitcast(dtype), flat);
    var all = g.convert(g.reshape(narrow, Shape.of(rows, bytes * 8 / bits)), DType.U8);
    return g.convert(g.slice(all, 1, 0, blocks), scales.dtype());
  }

  /** x quantised by its range, times integers. */
  private static Value dynamicMatmul(OpContext n) {
    var g = n.g;
    var quantized = QuantizationOperators.dynamic(n, n.x(0));
    var product =
        QuantizationOperators.integerProduct(
            n, quantized.getFirst(), n.x(1), Optional.of(quantized.get(2)), n.optional(3));
    var scale = g.binary(BinaryKind.MUL, quantized.get(1), n.x(2));
    var y = g.mul(g.convert(product, DType.F32), scale);
    return n.has(4) ? g.add(y, n.x(4)) : y;
  }
}
