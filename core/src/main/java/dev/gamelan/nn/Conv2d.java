package dev.gamelan.nn;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Convolution of [N, in, H, W] to [N, out, H', W']. Parameters: weight [out, in/groups, kernel,
 * kernel], bias [out].
 */
public final class Conv2d extends UnaryLayer {
  /** Stride and padding on both axes. */
  public record Options(long stride, long padding, long dilation, long groups) {
    public static final Options DEFAULT = new Options(1, 0, 1, 1);

    public Options withStride(long other) {
      return new Options(other, padding, dilation, groups);
    }

    public Options withPadding(long other) {
      return new Options(stride, other, dilation, groups);
    }

    public Options withDilation(long other) {
      return new Options(stride, padding, other, groups);
    }

    public Options withGroups(long other) {
      return new Options(stride, padding, dilation, other);
    }
  }

  private final Options options;
  private final Parameter weight;
  private final Parameter bias;

  public Conv2d(long in, long out, long kernel, Options options) {
    if (options.groups() < 1 || in % options.groups() != 0 || out % options.groups() != 0) {
      throw new IllegalArgumentException(
          "conv2d: groups must divide both channels; got %d and %d for %d groups"
              .formatted(in, out, options.groups()));
    }
    this.options = options;
    long depth = in / options.groups();
    this.weight =
        parameter(
            "weight",
            TensorType.of(DType.F32, out, depth, kernel, kernel),
            Initializer.fanInUniform());
    this.bias =
        parameter(
            "bias",
            TensorType.of(DType.F32, out),
            Initializer.uniform(1 / Math.sqrt(Math.max((double) depth * kernel * kernel, 1))));
  }

  @Override
  public Tensor forward(Tensor x) {
    var padding = List.of(options.padding(), options.padding());
    var window =
        new Window(
            List.of(options.stride(), options.stride()),
            padding,
            padding,
            List.of(options.dilation(), options.dilation()));
    var op = new Primitive.Convolution(window, options.groups(), x.dtype());
    var y = Tensor.apply(op, List.of(x, weight.value()));
    return y.add(bias.value().reshape(-1, 1, 1));
  }
}
