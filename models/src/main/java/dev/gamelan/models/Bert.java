package dev.gamelan.models;

import dev.gamelan.ir.Attention;
import dev.gamelan.nn.Embedding;
import dev.gamelan.nn.Initializer;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * An encoder of text that sees both ways (Devlin et al., arXiv:1810.04805), without dropout.
 * Parameters are named as in its checkpoints.
 */
public final class Bert extends Layer {
  /**
   * @param positions the most tokens that it sees
   * @param types of segments: 2 for pairs of sentences
   * @param feedForward the width inside a block's second half
   */
  public record Config(
      long vocabulary,
      long positions,
      long types,
      int layers,
      long heads,
      long width,
      long feedForward,
      double epsilon) {
    /** BERT-base, uncased: 109 million parameters. */
    public static final Config BASE = new Config(30522, 512, 2, 12, 12, 768, 3072, 1e-12);

    public Config {
      Sizes.requireHeadsDivide("bert", heads, width);
    }
  }

  /**
   * @param hidden [N, S, width]: a vector for each token
   * @param pooled [N, width]: one for the whole, from the first token
   */
  public record Output(Tensor hidden, Tensor pooled) {}

  private static final Initializer NORMAL = Initializer.normal(0.02);

  private final Embeddings embeddings;
  private final List<Block> blocks;
  private final Linear pooler;

  public Bert(Config config) {
    embeddings = register("embeddings", new Embeddings(config));
    var encoder = register("encoder", new Encoder(config));
    blocks = encoder.layers.blocks;
    var pool = register("pooler", new Dense(config.width(), config.width()));
    pooler = pool.dense;
  }

  /** Of one segment, of which every token counts. */
  public Output forward(Tensor tokens) {
    return forward(tokens, Tensors.zeros(tokens.type()));
  }

  /**
   * @param tokens i32[N, S]
   * @param types i32[N, S], the segment of each token
   */
  public Output forward(Tensor tokens, Tensor types) {
    var x = embeddings.forward(tokens, types);
    for (var block : blocks) x = block.forward(x);
    var first = x.slice(1, 0, 1).reshape(x.dim(0), x.dim(2));
    return new Output(x, pooler.forward(first).tanh());
  }

  private static LayerNorm norm(Config config) {
    return new LayerNorm(
        Shape.of(config.width()), LayerNorm.Options.DEFAULT.withEpsilon(config.epsilon()));
  }

  private static final class Embeddings extends Layer {
    private final Embedding words;
    private final Embedding positions;
    private final Embedding types;
    private final LayerNorm norm;

    Embeddings(Config config) {
      long width = config.width();
      words = register("word_embeddings", new Embedding(config.vocabulary(), width, NORMAL));
      positions = register("position_embeddings", new Embedding(config.positions(), width, NORMAL));
      types = register("token_type_embeddings", new Embedding(config.types(), width, NORMAL));
      norm = register("LayerNorm", norm(config));
    }

    Tensor forward(Tensor tokens, Tensor segments) {
      var where = positions.forward(Tensors.range(DType.I32, tokens.dim(1)));
      return norm.forward(words.forward(tokens).add(types.forward(segments)).add(where));
    }
  }

  private static final class Encoder extends Layer {
    private final Blocks layers;

    Encoder(Config config) {
      layers = register("layer", new Blocks(config));
    }
  }

  /** Names the blocks 0, 1, … */
  private static final class Blocks extends Layer {
    private final List<Block> blocks = new ArrayList<>();

    Blocks(Config config) {
      for (int i = 0; i < config.layers(); i++) {
        blocks.add(register(Integer.toString(i), new Block(config)));
      }
    }
  }

  private static final class Block extends UnaryLayer {
    private final SelfAttention attention;
    private final Residual attended;
    private final Linear intermediate;
    private final Residual output;

    Block(Config config) {
      var outer = register("attention", new AttentionPart(config));
      attention = outer.self;
      attended = outer.output;
      var inner = register("intermediate", new Dense(config.width(), config.feedForward()));
      intermediate = inner.dense;
      output = register("output", new Residual(config.feedForward(), config));
    }

    @Override
    public Tensor forward(Tensor x) {
      var y = attended.forward(attention.forward(x), x);
      return output.forward(intermediate.forward(y).gelu(), y);
    }
  }

  private static final class AttentionPart extends Layer {
    private final SelfAttention self;
    private final Residual output;

    AttentionPart(Config config) {
      self = register("self", new SelfAttention(config));
      output = register("output", new Residual(config.width(), config));
    }
  }

  private static final class SelfAttention extends UnaryLayer {
    private final long heads;
    private final Linear query;
    private final Linear key;
    private final Linear value;

    SelfAttention(Config config) {
      heads = config.heads();
      query = register("query", linear(config.width(), config.width()));
      key = register("key", linear(config.width(), config.width()));
      value = register("value", linear(config.width(), config.width()));
    }

    @Override
    public Tensor forward(Tensor x) {
      var op =
          Attention.ScaledDotProductAttention.of(1 / Math.sqrt((double) x.dim(2) / heads), false);
      var operands =
          List.of(split(query.forward(x)), split(key.forward(x)), split(value.forward(x)));
      return Tensor.apply(op, operands).transpose(0, 2, 1, 3).reshape(x.shape());
    }

    /** [N, S, width] to [N, heads, S, width/heads]. */
    private Tensor split(Tensor x) {
      return x.reshape(x.dim(0), x.dim(1), heads, x.dim(2) / heads).transpose(0, 2, 1, 3);
    }
  }

  /** Projects a branch, adds it to where it left, and normalises. */
  private static final class Residual extends Layer {
    private final Linear dense;
    private final LayerNorm norm;

    Residual(long in, Config config) {
      dense = register("dense", linear(in, config.width()));
      norm = register("LayerNorm", norm(config));
    }

    Tensor forward(Tensor branch, Tensor trunk) {
      return norm.forward(dense.forward(branch).add(trunk));
    }
  }

  /** What checkpoints call NAME.dense. */
  private static final class Dense extends Layer {
    private final Linear dense;

    Dense(long in, long out) {
      dense = register("dense", linear(in, out));
    }
  }

  private static Linear linear(long in, long out) {
    return new Linear(in, out, true, NORMAL);
  }
}
