package dev.gamelan.ir;

import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Normalisation layers; variances are biased (divided by n), as all of these are defined. */
public sealed interface Normalization extends StandardComposite {
  /**
   * Over the last {@code axes} axes (Ba et al., arXiv:1607.06450). Operands: x, and scale and shift
   * of those axes.
   */
  record LayerNorm(int axes, double epsilon) implements Normalization {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var type = overLast(this, inputs, axes);
      Expect.that(
          inputs.get(1).equals(type.with(trailing(type.shape(), axes)))
              && inputs.get(2).equals(inputs.get(1)),
          this,
          inputs,
          () -> "scale and shift " + type.with(trailing(type.shape(), axes)),
          "they have the normalised axes");
      return List.of(type);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var y = standardize(g, x, lastAxes(x, axes), epsilon);
      y = g.add(g.mul(y, g.widen(inputs.get(1))), g.widen(inputs.get(2)));
      return List.of(g.convert(y, inputs.getFirst().type().dtype()));
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      return Optional.of(
          g.addAll(
              new LayerNormGradient(axes, epsilon),
              List.of(inputs.getFirst(), inputs.get(1), resultGradients.getFirst())));
    }
  }

  /** Operands: x, scale, result gradient. Results: the gradients of x, scale and shift. */
  record LayerNormGradient(int axes, double epsilon) implements Normalization {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      Expect.that(
          inputs.get(2).equals(inputs.getFirst()), this, inputs, "x and d alike", "check them");
      var scale = inputs.get(1);
      new LayerNorm(axes, epsilon).infer(List.of(inputs.getFirst(), scale, scale));
      return List.of(inputs.getFirst(), scale, scale);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var scale = g.widen(inputs.get(1));
      var d = g.widen(inputs.get(2));
      var normalised = lastAxes(x, axes);
      var leading = x.shape().otherAxes(normalised);
      var centred = g.sub(x, g.meanKeep(x, normalised));
      var inverse = inverseDeviation(g, centred, normalised, epsilon);
      var y = g.mul(centred, inverse);
      var dy = g.mul(d, scale);
      var mean = g.meanKeep(dy, normalised);
      var projection = g.mul(y, g.meanKeep(g.mul(dy, y), normalised));
      var dx = g.mul(g.sub(g.sub(dy, mean), projection), inverse);
      var dtype = inputs.getFirst().type().dtype();
      return List.of(
          g.convert(dx, dtype),
          g.convert(g.sum(g.mul(d, y), leading), dtype),
          g.convert(g.sum(d, leading), dtype));
    }
  }

  /** Over the last axis, without mean (Zhang, Sennrich, arXiv:1910.07467). Operands: x, scale. */
  record RmsNorm(double epsilon) implements Normalization {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var type = overLast(this, inputs, 1);
      Expect.that(
          inputs.get(1).equals(type.with(trailing(type.shape(), 1))),
          this,
          inputs,
          () -> "a scale " + type.with(trailing(type.shape(), 1)),
          "it has the last axis");
      return List.of(type);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var y = g.mul(x, inverseDeviation(g, x, lastAxes(x, 1), epsilon));
      return List.of(g.convert(g.mul(y, g.widen(inputs.get(1))), inputs.getFirst().type().dtype()));
    }
  }

  /**
   * Over the spatial axes and the channels of each group (Wu, He, arXiv:1803.08494). Operands: x
   * [N, C, …], scale [C], shift [C].
   */
  record GroupNorm(long groups, double epsilon) implements Normalization {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var type = channels(this, inputs, 1);
      Expect.that(
          groups > 0 && type.dim(1) % groups == 0,
          this,
          inputs,
          () -> "channels that divide into %d groups".formatted(groups),
          "choose a divisor");
      return List.of(type);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      long n = x.dim(0);
      var grouped =
          g.reshape(x, Shape.of(n, groups, n * groups == 0 ? 0 : x.shape().size() / (n * groups)));
      var y = g.reshape(standardize(g, grouped, List.of(2), epsilon), x.shape());
      y = affine(g, y, g.widen(inputs.get(1)), g.widen(inputs.get(2)));
      return List.of(g.convert(y, inputs.getFirst().type().dtype()));
    }
  }

  /**
   * Over all axes but the channels' (Ioffe, Szegedy, arXiv:1502.03167). Operands: x [N, C, …],
   * scale [C], shift [C]. Results: y, and the batch's mean [C] and variance [C].
   */
  record BatchNormTraining(double epsilon) implements Normalization {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var type = channels(this, inputs, 1);
      return List.of(type, inputs.get(1), inputs.get(1));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var dtype = inputs.getFirst().type().dtype();
      var axes = x.shape().otherAxes(List.of(1));
      var mean = g.meanKeep(x, axes);
      var centred = g.sub(x, mean);
      var variance = g.meanKeep(g.mul(centred, centred), axes);
      var y = g.mul(centred, g.rsqrt(g.add(variance, epsilon)));
      y = affine(g, y, g.widen(inputs.get(1)), g.widen(inputs.get(2)));
      var channels = inputs.get(1).shape();
      return List.of(
          g.convert(y, dtype),
          g.convert(g.reshape(mean, channels), dtype),
          g.convert(g.reshape(variance, channels), dtype));
    }
  }

  /** Operands: x [N, C, …], and scale, shift, mean and variance [C]. */
  record BatchNormInference(double epsilon) implements Normalization {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 5);
      return List.of(channels(this, inputs, 1));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var inverse = g.rsqrt(g.add(g.widen(inputs.get(4)), epsilon));
      var scale = g.mul(g.widen(inputs.get(1)), inverse);
      var shift = g.sub(g.widen(inputs.get(2)), g.mul(g.widen(inputs.get(3)), scale));
      return List.of(g.convert(affine(g, x, scale, shift), inputs.getFirst().type().dtype()));
    }
  }

  // ---- shared by the expansions

  private static Value standardize(GraphBuilder g, Value x, List<Integer> axes, double epsilon) {
    var centred = g.sub(x, g.meanKeep(x, axes));
    return g.mul(centred, inverseDeviation(g, centred, axes, epsilon));
  }

  private static Value inverseDeviation(
      GraphBuilder g, Value centred, List<Integer> axes, double epsilon) {
    return g.rsqrt(g.add(g.meanKeep(g.mul(centred, centred), axes), epsilon));
  }

  /** scale[c] · x[n, c, …] + shift[c]. */
  private static Value affine(GraphBuilder g, Value x, Value scale, Value shift) {
    var axes = List.of(1);
    return g.add(
        g.mul(x, g.broadcastInDim(scale, x.shape(), axes)),
        g.broadcastInDim(shift, x.shape(), axes));
  }

  private static List<Integer> lastAxes(Value x, int axes) {
    return IntStream.range(x.rank() - axes, x.rank()).boxed().toList();
  }

  private static Shape trailing(Shape shape, int axes) {
    return shape.range(shape.rank() - axes, shape.rank());
  }

  private static TensorType overLast(Op op, List<TensorType> inputs, int axes) {
    var type = inputs.getFirst();
    Expect.floats(op, inputs, type);
    Expect.that(
        axes >= 1 && axes <= type.rank(),
        op,
        inputs,
        () -> "at least %d axes to normalise over".formatted(axes),
        "name fewer");
    return type;
  }

  private static TensorType channels(Op op, List<TensorType> inputs, int axis) {
    var type = inputs.getFirst();
    Expect.floats(op, inputs, type);
    Expect.that(type.rank() >= 2, op, inputs, "x [N, C, …]", "reshape it");
    var perChannel = type.with(Shape.of(type.dim(axis)));
    Expect.that(
        inputs.subList(1, inputs.size()).stream().allMatch(perChannel::equals),
        op,
        inputs,
        () -> "%s for everything but x".formatted(perChannel),
        "they have one element a channel");
    return type;
  }
}
