package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Attention;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/** Attention, a query at a time. */
final class StrictAttention {
  private StrictAttention() {}

  static List<Array> apply(Attention op, List<Array> in, List<TensorType> types) {
    return switch (op) {
      case Attention.ScaledDotProductAttention a -> List.of(forward(a, in, types.getFirst()));
      case Attention.AttentionGradient a -> gradient(a, in, types);
      case Attention.RotaryEmbedding r -> List.of(rotary(r, in, types.getFirst()));
    };
  }

  private static Array forward(
      Attention.ScaledDotProductAttention op, List<Array> in, TensorType type) {
    var q = in.getFirst().type().shape();
    var y = new double[(int) type.size()];
    int width = (int) type.dim(3);
    for (int row = 0; row < q.size() / q.dim(3); row++) {
      var p = new Row(op, in, row);
      for (int t = 0; t < p.weights.length; t++) {
        for (int e = 0; e < width; e++) {
          y[row * width + e] += p.weights[t] * in.get(2).floats()[p.key(t, width) + e];
        }
      }
    }
    return StrictKernels.rounded(type, y);
  }

  private static List<Array> gradient(
      Attention.AttentionGradient op, List<Array> in, List<TensorType> types) {
    var forward =
        new Attention.ScaledDotProductAttention(
            op.scale(), op.causal(), op.mask(), op.lengths(), op.window(), op.softcap());
    var q = in.getFirst().floats();
    var k = in.get(1).floats();
    var v = in.get(2).floats();
    var d = in.getLast().floats();
    var dq = new double[q.length];
    var dk = new double[k.length];
    var dv = new double[v.length];
    int depth = (int) types.getFirst().dim(3);
    int width = (int) types.get(2).dim(3);
    for (int row = 0; row < q.length / depth; row++) {
      var p = new Row(forward, in.subList(0, in.size() - 1), row);
      int keys = p.weights.length;
      var dp = new double[keys];
      double mean = 0;
      for (int t = 0; t < keys; t++) {
        for (int e = 0; e < width; e++) {
          dv[p.key(t, width) + e] += p.weights[t] * d[row * width + e];
          dp[t] += d[row * width + e] * v[p.key(t, width) + e];
        }
        mean += dp[t] * p.weights[t];
      }
      for (int t = 0; t < keys; t++) {
        double ds = p.weights[t] * (dp[t] - mean) * p.slopes[t] * op.scale();
        for (int i = 0; i < depth; i++) {
          dq[row * depth + i] += ds * k[p.key(t, depth) + i];
          dk[p.key(t, depth) + i] += ds * q[row * depth + i];
        }
      }
    }
    return List.of(
        StrictKernels.rounded(types.getFirst(), dq),
        StrictKernels.rounded(types.get(1), dk),
        StrictKernels.rounded(types.get(2), dv));
  }

  /** The probabilities of one query's keys. */
  private static final class Row {
    final double[] weights;

    /** The derivative of a capped score. */
    final double[] slopes;

    private final int group;

    Row(Attention.ScaledDotProductAttention op, List<Array> in, int row) {
      var q = in.getFirst().type().shape();
      var k = in.get(1).type().shape();
      int depth = (int) q.dim(3);
      int queries = (int) q.dim(2);
      int keys = (int) k.dim(2);
      int s = row % queries;
      int head = row / queries % (int) q.dim(1);
      int batch = row / queries / (int) q.dim(1);
      int shared = (int) (q.dim(1) / k.dim(1));
      this.group = batch * (int) k.dim(1) + head / shared;
      this.weights = new double[keys];
      this.slopes = new double[keys];
      long valid = op.lengths() ? in.getLast().integers()[batch] : keys;
      double max = Double.NEGATIVE_INFINITY;
      for (int t = 0; t < keys; t++) {
        double score = 0;
        for (int i = 0; i < depth; i++) {
          score += in.getFirst().floats()[row * depth + i] * in.get(1).floats()[key(t, depth) + i];
        }
        score *= op.scale();
        slopes[t] = 1;
        if (op.softcap() > 0) {
          double tanh = Math.tanh(score / op.softcap());
          slopes[t] = 1 - tanh * tanh;
          score = op.softcap() * tanh;
        }
        long position = valid - queries + s;
        boolean seen = t < valid && (!op.causal() || t <= position);
        if (op.causal() && op.window() > 0) seen &= t > position - op.window();
        if (op.mask()) {
          var mask = in.get(3);
          int at = broadcast(mask.type().shape(), batch, head, s, t);
          if (mask.type().dtype().isBool()) seen &= mask.integers()[at] != 0;
          else score += mask.floats()[at];
        }
        weights[t] = seen ? score : Double.NEGATIVE_INFINITY;
        max = Math.max(max, weights[t]);
      }
      double sum = 0;
      for (int t = 0; t < keys; t++) {
        weights[t] = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(weights[t] - max);
        sum += weights[t];
      }
      for (int t = 0; t < keys && sum > 0; t++) weights[t] /= sum;
    }

    int key(int t, int width) {
      return (group * weights.length + t) * width;
    }

    private static int broadcast(Shape mask, int... index) {
      long at = 0;
      var strides = mask.strides();
      for (int axis = 0; axis < mask.rank(); axis++) {
        if (mask.dim(axis) != 1) at += strides[axis] * index[axis + 4 - mask.rank()];
      }
      return (int) at;
    }
  }

  private static Array rotary(Attention.RotaryEmbedding op, List<Array> in, TensorType type) {
    int depth = (int) type.dim(-1);
    int half = depth / 2;
    var x = in.getFirst().floats();
    var y = new double[x.length];
    int angles = in.get(1).size();
    for (int row = 0; row < x.length / depth; row++) {
      for (int i = 0; i < half; i++) {
        int a = row * depth + (op.interleaved() ? 2 * i : i);
        int b = row * depth + (op.interleaved() ? 2 * i + 1 : i + half);
        // Angles are repeated for leading axes that they lack.
        int at = (row * half + i) % angles;
        double cos = in.get(1).floats()[at];
        double sin = in.get(2).floats()[at];
        y[a] = x[a] * cos - x[b] * sin;
        y[b] = x[b] * cos + x[a] * sin;
      }
    }
    return StrictKernels.rounded(type, y);
  }
}
