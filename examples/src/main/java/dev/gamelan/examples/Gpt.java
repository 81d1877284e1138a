package dev.gamelan.examples;

import dev.gamelan.ir.Attention;
import dev.gamelan.ir.TensorOp;
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
 * A decoder that predicts the next token (Radford et al., 2019), without bias and dropout, its
 * output tied to its embedding. Parameters are named as in GPT-2's checkpoints.
 */
final class Gpt extends UnaryLayer {
  /**
   * @param block the most tokens that it sees
   */
  record Config(long vocabulary, int layers, long heads, long width, long block) {
    Config {
      if (vocabulary < 1 || layers < 1 || heads < 1 || width < 1 || block < 1) {
        throw new IllegalArgumentException("gpt: all sizes must be positive; got " + layers);
      }
      if (width % heads != 0) {
        throw new IllegalArgumentException(
            "gpt: the heads must divide the width; got %d heads and width %d"
                .formatted(heads, width));
      }
    }
  }

  private static final double DEVIATION = 0.02;
  private static final LayerNorm.Options NO_BIAS = LayerNorm.Options.DEFAULT.withBias(false);

  private final Transformer transformer;

  Gpt(Config config) {
    this.transformer = register("transformer", new Transformer(config));
  }

  /** Logits [N, S, vocabulary] for the tokens that follow each of {@code tokens}, i32[N, S]. */
  @Override
  public Tensor forward(Tensor tokens) {
    var x = transformer.forward(tokens);
    var operands = List.of(x, transformer.tokens.weight().value());
    return Tensor.apply(new TensorOp.Linear(TensorOp.LinearActivation.NONE), operands);
  }

  private static final class Transformer extends UnaryLayer {
    private final Embedding tokens;
    private final Embedding positions;
    private final List<Block> blocks = new ArrayList<>();
    private final LayerNorm norm;

    Transformer(Config config) {
      var normal = Initializer.normal(DEVIATION);
      tokens = register("wte", new Embedding(config.vocabulary(), config.width(), normal));
      positions = register("wpe", new Embedding(config.block(), config.width(), normal));
      var layers = register("h", new Blocks(config));
      blocks.addAll(layers.blocks);
      norm = register("ln_f", new LayerNorm(Shape.of(config.width()), NO_BIAS));
    }

    @Override
    public Tensor forward(Tensor input) {
      var x = tokens.forward(input).add(positions.forward(Tensors.range(DType.I32, input.dim(1))));
      for (var block : blocks) x = block.forward(x);
      return norm.forward(x);
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
    private final LayerNorm first;
    private final SelfAttention attention;
    private final LayerNorm second;
    private final FeedForward feedForward;

    Block(Config config) {
      first = register("ln_1", new LayerNorm(Shape.of(config.width()), NO_BIAS));
      attention = register("attn", new SelfAttention(config));
      second = register("ln_2", new LayerNorm(Shape.of(config.width()), NO_BIAS));
      feedForward = register("mlp", new FeedForward(config));
    }

    @Override
    public Tensor forward(Tensor input) {
      var x = input.add(attention.forward(first.forward(input)));
      return x.add(feedForward.forward(second.forward(x)));
    }
  }

  private static final class SelfAttention extends UnaryLayer {
    private final long heads;
    private final Linear project;
    private final Linear out;

    SelfAttention(Config config) {
      heads = config.heads();
      long width = config.width();
      var normal = Initializer.normal(DEVIATION);
      project = register("c_attn", new Linear(width, 3 * width, false, normal));
      out = register("c_proj", new Linear(width, width, false, residual(config)));
    }

    @Override
    public Tensor forward(Tensor x) {
      long n = x.dim(0);
      long s = x.dim(1);
      long width = x.dim(2);
      // [N, S, 3·width] to queries, keys and values [N, heads, S, width/heads].
      var all = project.forward(x).reshape(n, s, 3, heads, width / heads).transpose(2, 0, 3, 1, 4);
      var op = Attention.ScaledDotProductAttention.of(1 / Math.sqrt((double) width / heads), true);
      var seen = Tensor.apply(op, List.of(all.at(0, 0), all.at(0, 1), all.at(0, 2)));
      return out.forward(seen.transpose(0, 2, 1, 3).reshape(n, s, width));
    }
  }

  private static final class FeedForward extends UnaryLayer {
    private final Linear in;
    private final Linear out;

    FeedForward(Config config) {
      long width = config.width();
      in = register("c_fc", new Linear(width, 4 * width, false, Initializer.normal(DEVIATION)));
      out = register("c_proj", new Linear(4 * width, width, false, residual(config)));
    }

    @Override
    public Tensor forward(Tensor x) {
      return out.forward(in.forward(x).gelu());
    }
  }

  /** Smaller, so that the sum of all residual branches keeps its size. */
  private static Initializer residual(Config config) {
    return Initializer.normal(DEVIATION / Math.sqrt(2.0 * config.layers()));
  }
}
