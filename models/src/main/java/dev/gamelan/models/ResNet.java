package dev.gamelan.models;

import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Pool;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A residual network of bottlenecks for images (He et al., arXiv:1512.03385), the stride in the 3×3
 * convolution as all later implementations have it. Parameters are named as in Hugging Face's
 * checkpoints.
 */
public final class ResNet extends UnaryLayer {
  /**
   * @param channels of the picture
   * @param stem channels after the first convolution
   * @param widths of the stages' results
   * @param depths blocks in each stage
   */
  public record Config(
      long channels, long stem, List<Long> widths, List<Integer> depths, long classes) {
    /** ResNet-50 for ImageNet: 25.6 million parameters. */
    public static final Config RESNET_50 =
        new Config(3, 64, List.of(256L, 512L, 1024L, 2048L), List.of(3, 4, 6, 3), 1000);

    public Config {
      widths = List.copyOf(widths);
      depths = List.copyOf(depths);
      if (widths.isEmpty() || widths.size() != depths.size()) {
        throw new IllegalArgumentException(
            "resnet: needs a width and a depth for each stage; got %s and %s"
                .formatted(widths, depths));
      }
    }
  }

  /** How much narrower a bottleneck is than its block. */
  private static final long REDUCTION = 4;

  private final Backbone backbone;
  private final Linear classifier;

  public ResNet(Config config) {
    backbone = register("resnet", new Backbone(config));
    classifier = register("classifier", new Classifier(config)).linear;
  }

  /** Logits [N, classes] for pictures [N, channels, H, W]. */
  @Override
  public Tensor forward(Tensor pictures) {
    return classifier.forward(backbone.forward(pictures).mean(2, 3));
  }

  private static final class Backbone extends UnaryLayer {
    private static final Pool POOL = Pool.max(3, Pool.Options.ofStride(2).withPadding(1));

    private final ConvolutionBlock stem;
    private final List<Stage> stages;

    Backbone(Config config) {
      stem = register("embedder", new Embedder(config)).stem;
      stages = register("encoder", new Encoder(config)).stages;
    }

    @Override
    public Tensor forward(Tensor pictures) {
      var x = POOL.forward(stem.forward(pictures));
      for (var stage : stages) x = stage.forward(x);
      return x;
    }
  }

  private static final class Embedder extends Layer {
    private final ConvolutionBlock stem;

    Embedder(Config config) {
      stem =
          register("embedder", new ConvolutionBlock(config.channels(), config.stem(), 7, 2, true));
    }
  }

  private static final class Encoder extends Layer {
    private final List<Stage> stages;

    Encoder(Config config) {
      stages = register("stages", new Stages(config)).stages;
    }
  }

  /** The last layer, which checkpoints call 1: their 0 flattens. */
  private static final class Classifier extends Layer {
    private final Linear linear;

    Classifier(Config config) {
      linear = register("1", new Linear(config.widths().getLast(), config.classes()));
    }
  }

  private static final class Stages extends Layer {
    private final List<Stage> stages = new ArrayList<>();

    Stages(Config config) {
      long in = config.stem();
      for (int i = 0; i < config.widths().size(); i++) {
        long out = config.widths().get(i);
        var stage = new Stage(in, out, i == 0 ? 1 : 2, config.depths().get(i));
        stages.add(register(Integer.toString(i), stage));
        in = out;
      }
    }
  }

  private static final class Stage extends UnaryLayer {
    private final Sequential blocks;

    Stage(long in, long out, long stride, int depth) {
      var layers = new UnaryLayer[depth];
      layers[0] = new Bottleneck(in, out, stride);
      for (int i = 1; i < depth; i++) layers[i] = new Bottleneck(out, out, 1);
      blocks = register("layers", new Sequential(layers));
    }

    @Override
    public Tensor forward(Tensor x) {
      return blocks.forward(x);
    }
  }

  /** 1×1 to fewer channels, 3×3, 1×1 back; added to where it left. */
  private static final class Bottleneck extends UnaryLayer {
    private final @Nullable ConvolutionBlock shortcut;
    private final Sequential branch;

    Bottleneck(long in, long out, long stride) {
      boolean same = in == out && stride == 1;
      shortcut =
          same ? null : register("shortcut", new ConvolutionBlock(in, out, 1, stride, false));
      long inner = out / REDUCTION;
      branch =
          register(
              "layer",
              new Sequential(
                  new ConvolutionBlock(in, inner, 1, 1, true),
                  new ConvolutionBlock(inner, inner, 3, stride, true),
                  new ConvolutionBlock(inner, out, 1, 1, false)));
    }

    @Override
    public Tensor forward(Tensor x) {
      var trunk = shortcut == null ? x : shortcut.forward(x);
      return branch.forward(x).add(trunk).relu();
    }
  }

  /** A convolution that keeps the picture's size but for the stride, normalised. */
  private static final class ConvolutionBlock extends UnaryLayer {
    private final Conv2d convolution;
    private final BatchNorm norm;
    private final boolean activated;

    ConvolutionBlock(long in, long out, long kernel, long stride, boolean activated) {
      var options =
          Convolution.Options.DEFAULT.withStride(stride).withPadding(kernel / 2).withBias(false);
      convolution = register("convolution", new Conv2d(in, out, kernel, options));
      norm = register("normalization", new BatchNorm(out));
      this.activated = activated;
    }

    @Override
    public Tensor forward(Tensor x) {
      var y = norm.forward(convolution.forward(x));
      return activated ? y.relu() : y;
    }
  }
}
