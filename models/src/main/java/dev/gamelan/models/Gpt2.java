package dev.gamelan.models;

import dev.gamelan.ir.Attention;
import dev.gamelan.nn.Activations;
import dev.gamelan.nn.Embedding;
import dev.gamelan.nn.Initializer;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * A decoder that predicts the next token (Radford et al., Language Models are Unsupervised
 * Multitask Learners, 2019), without dropout, its output tied to its embedding. Parameters are
 * named as in its checkpoints, whose projections are stored as [in, out].
 */
public final class Gpt2 extends UnaryLayer {
  /**
   * @param positions the most tokens that it sees
   */
  public record Config(long vocabulary, long positions, int layers, long heads, long width) {
    /** The smallest of the family: 124 million parameters. */
    public static final Config SMALL = new Config(50257, 1024, 12, 12, 768);

    public Config {
      Sizes.requireHeadsDivide("gpt2", heads, width);
    }
  }

  private static final double DEVIATION = 0.02;

  private final Transformer transformer;

  public Gpt2(Config config) {
    transformer = register("transformer", new Transformer(config));
  }

  /** Logits [N, S, vocabulary] for the tokens that follow each of {@code tokens}, i32[N, S]. */
  @Override
  public Tensor forward(Tensor tokens) {
    return transformer.forward(tokens).matmul(transformer.tokens.weight().value().transpose());
  }

  private static final class Transformer extends UnaryLayer {
    private final Embedding tokens;
    private final Embedding positions;
    private final List<Block> blocks;
    private final LayerNorm norm;

    Transformer(Config config) {
      var normal = Initializer.normal(DEVIATION);
      tokens = register("wte", new Embedding(config.vocabulary(), config.width(), normal));
      positions = register("wpe", new Embedding(config.positions(), config.width(), normal));
      blocks = register("h", new Blocks(config)).blocks;
      norm = register("ln_f", new LayerNorm(config.width()));
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
      first = register("ln_1", new LayerNorm(config.width()));
      attention = register("attn", new SelfAttention(config));
      second = register("ln_2", new LayerNorm(config.width()));
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
    private final Projection project;
    private final Projection out;

    SelfAttention(Config config) {
      heads = config.heads();
      long width = config.width();
      project = register("c_attn", new Projection(width, 3 * width, DEVIATION));
      out = register("c_proj", new Projection(width, width, residualDeviation(config)));
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
    private final Projection in;
    private final Projection out;

    FeedForward(Config config) {
      long width = config.width();
      in = register("c_fc", new Projection(width, 4 * width, DEVIATION));
      out = register("c_proj", new Projection(4 * width, width, residualDeviation(config)));
    }

    @Override
    public Tensor forward(Tensor x) {
      return out.forward(Activations.geluTanh(in.forward(x)));
    }
  }

  /** x·W + b, the weight [in, out]. */
  private static final class Projection extends UnaryLayer {
    private final Parameter weight;
    private final Parameter bias;

    Projection(long in, long out, double deviation) {
      weight =
          parameter("weight", TensorType.of(DType.F32, in, out), Initializer.normal(deviation));
      bias = parameter("bias", TensorType.of(DType.F32, out), Initializer.zeros());
    }

    @Override
    public Tensor forward(Tensor x) {
      return x.matmul(weight.value()).add(bias.value());
    }
  }

  /** Smaller, so that the sum of all residual branches keeps its size. */
  private static double residualDeviation(Config config) {
    return DEVIATION / Math.sqrt(2.0 * config.layers());
  }
}
