package dev.gamelan.nn;

import dev.gamelan.ir.Attention;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention with several heads (Vaswani et al., arXiv:1706.03762) over [N, S, width]. Parameters as
 * PyTorch's: in_proj_weight [3·width, width] with the rows of queries, keys and values in turn,
 * in_proj_bias, out_proj.weight, out_proj.bias. With fewer key-value heads than heads (Ainslie et
 * al., arXiv:2305.13245) the rows of keys and values are fewer.
 */
public final class MultiHeadAttention extends Layer {
  /**
   * @param causal a position sees itself and what is before it
   * @param keyValueHeads that share the heads among them; 0 for as many as heads
   */
  public record Options(boolean bias, boolean causal, long keyValueHeads) {
    public static final Options DEFAULT = new Options(true, false, 0);

    public Options withBias(boolean other) {
      return new Options(other, causal, keyValueHeads);
    }

    public Options withCausal(boolean other) {
      return new Options(bias, other, keyValueHeads);
    }

    public Options withKeyValueHeads(long other) {
      return new Options(bias, causal, other);
    }
  }

  /**
   * What queries may see, beyond causality.
   *
   * @param scores bool (true is seen) or floating (added to the scores), broadcast to [N, heads, S,
   *     T]
   * @param lengths i32[N]: how many positions of each example's keys are valid
   */
  public record Mask(@Nullable Tensor scores, @Nullable Tensor lengths) {
    public static final Mask NONE = new Mask(null, null);

    public static Mask of(Tensor scores) {
      return new Mask(scores, null);
    }

    public static Mask ofLengths(Tensor lengths) {
      return new Mask(null, lengths);
    }
  }

  private final long width;
  private final long heads;
  private final long keyValueHeads;
  private final boolean causal;
  private final Parameter inWeight;
  private final @Nullable Parameter inBias;
  private final Linear out;

  public MultiHeadAttention(long width, long heads, Options options) {
    this.width = width;
    this.heads = heads;
    this.keyValueHeads = options.keyValueHeads() == 0 ? heads : options.keyValueHeads();
    this.causal = options.causal();
    if (heads < 1 || width % heads != 0 || keyValueHeads < 1 || heads % keyValueHeads != 0) {
      throw new IllegalArgumentException(
          "attention: heads must divide the width, and key-value heads the heads; got width %d, %d heads, %d key-value heads"
              .formatted(width, heads, keyValueHeads));
    }
    long rows = width + 2 * keyValueWidth();
    this.inWeight =
        parameter(
            "in_proj_weight", TensorType.of(DType.F32, rows, width), Initializer.glorotUniform());
    this.inBias =
        options.bias()
            ? parameter("in_proj_bias", TensorType.of(DType.F32, rows), Initializer.zeros())
            : null;
    this.out = register("out_proj", new Linear(width, width, options.bias()));
  }

  private long keyValueWidth() {
    return width / heads * keyValueHeads;
  }

  /** How many key-value heads there are, for a {@link KeyValueCache}. */
  public long keyValueHeads() {
    return keyValueHeads;
  }

  /** Self-attention. */
  public Tensor forward(Tensor x) {
    return forward(x, Mask.NONE);
  }

  /** Self-attention under a mask. */
  public Tensor forward(Tensor x, Mask mask) {
    var all = project(x, 0, width + 2 * keyValueWidth());
    long end = width + keyValueWidth();
    return attend(
        split(all.slice(-1, 0, width), heads),
        split(all.slice(-1, width, end), keyValueHeads),
        split(all.slice(-1, end, end + keyValueWidth()), keyValueHeads),
        mask);
  }

  /** Queries from {@code x} [N, S, width], keys and values from {@code memory} [N, T, width]. */
  public Tensor forward(Tensor x, Tensor memory, Mask mask) {
    var keysAndValues = project(memory, width, width + 2 * keyValueWidth());
    return attend(
        split(project(x, 0, width), heads),
        split(keysAndValues.slice(-1, 0, keyValueWidth()), keyValueHeads),
        split(keysAndValues.slice(-1, keyValueWidth(), 2 * keyValueWidth()), keyValueHeads),
        mask);
  }

  /**
   * Causal self-attention of new positions {@code x} over themselves and all that {@code cache}
   * holds; the cache then holds the new ones too.
   */
  public Tensor forward(Tensor x, KeyValueCache cache) {
    var all = project(x, 0, width + 2 * keyValueWidth());
    long end = width + keyValueWidth();
    var seen =
        cache.append(
            split(all.slice(-1, width, end), keyValueHeads),
            split(all.slice(-1, end, end + keyValueWidth()), keyValueHeads));
    return attend(
        split(all.slice(-1, 0, width), heads),
        seen.keys(),
        seen.values(),
        Mask.ofLengths(seen.lengths()),
        true);
  }

  /** x·Wᵀ + b with some of the rows of the weight. */
  private Tensor project(Tensor x, long from, long to) {
    var operands = new ArrayList<>(List.of(x, inWeight.value().slice(0, from, to)));
    if (inBias != null) operands.add(inBias.value().slice(0, from, to));
    return Tensor.apply(new TensorOp.Linear(TensorOp.LinearActivation.NONE), operands);
  }

  /** [N, S, heads·D] to [N, heads, S, D]. */
  private static Tensor split(Tensor x, long heads) {
    return x.reshape(x.dim(0), x.dim(1), heads, -1).transpose(0, 2, 1, 3);
  }

  private Tensor attend(Tensor q, Tensor k, Tensor v, Mask mask) {
    return attend(q, k, v, mask, causal);
  }

  private Tensor attend(Tensor q, Tensor k, Tensor v, Mask mask, boolean ordered) {
    var operands = new ArrayList<>(List.of(q, k, v));
    if (mask.scores() != null) operands.add(mask.scores());
    if (mask.lengths() != null) operands.add(mask.lengths());
    var op =
        new Attention.ScaledDotProductAttention(
            1 / Math.sqrt((double) width / heads),
            ordered,
            mask.scores() != null,
            mask.lengths() != null,
            0,
            0);
    var seen = Tensor.apply(op, operands).transpose(0, 2, 1, 3);
    return out.forward(seen.reshape(seen.dim(0), seen.dim(1), width));
  }
}
