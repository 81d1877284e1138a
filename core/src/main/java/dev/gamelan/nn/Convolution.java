package dev.gamelan.nn;

import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.Shape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Convolution of [N, in, spatial…] to [N, out, spatial′…]. Parameters: weight [out, in/groups,
 * kernel…], bias [out].
 */
public abstract sealed class Convolution extends UnaryLayer permits Conv1d, Conv2d, Conv3d {
  /** The same on every spatial axis. */
  public record Options(long stride, long padding, long dilation, long groups, boolean bias) {
    public static final Options DEFAULT = new Options(1, 0, 1, 1, true);

    public Options withStride(long other) {
      return new Options(other, padding, dilation, groups, bias);
    }

    public Options withPadding(long other) {
      return new Options(stride, other, dilation, groups, bias);
    }

    public Options withDilation(long other) {
      return new Options(stride, padding, other, groups, bias);
    }

    public Options withGroups(long other) {
      return new Options(stride, padding, dilation, other, bias);
    }

    public Options withBias(boolean other) {
      return new Options(stride, padding, dilation, groups, other);
    }
  }

  private final Options options;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  Convolution(long in, long out, Shape kernel, Options options) {
    Filters.checkGroups("convolution", in, out, options.groups());
    this.options = options;
    var shape = Shape.of(out, in / options.groups()).append(kernel.dims());
    this.weight = parameter("weight", Filters.type(shape), Initializer.fanInUniform());
    this.bias =
        options.bias()
            ? parameter("bias", Filters.type(Shape.of(out)), Filters.biasInitializer(shape))
            : null;
  }

  @Override
  public Tensor forward(Tensor x) {
    int spatial = weight.type().rank() - 2;
    var window = Filters.window(spatial, options.stride(), options.padding(), options.dilation());
    var op = new Primitive.Convolution(window, options.groups(), x.dtype());
    return Filters.addBias(Tensor.apply(op, List.of(x, weight.value())), bias);
  }
}
