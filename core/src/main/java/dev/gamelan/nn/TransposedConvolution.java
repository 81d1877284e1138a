package dev.gamelan.nn;

import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.Shape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The adjoint of a convolution, from [N, in, spatial…] to [N, out, spatial′…]: an axis of L becomes
 * (L−1)·stride − 2·padding + dilation·(kernel−1) + outputPadding + 1. Parameters: weight [in,
 * out/groups, kernel…], bias [out].
 */
public abstract sealed class TransposedConvolution extends UnaryLayer
    permits ConvTranspose1d, ConvTranspose2d, ConvTranspose3d {
  /** The same on every spatial axis. */
  public record Options(
      long stride, long padding, long outputPadding, long dilation, long groups, boolean bias) {
    public static final Options DEFAULT = new Options(1, 0, 0, 1, 1, true);

    public Options withStride(long other) {
      return new Options(other, padding, outputPadding, dilation, groups, bias);
    }

    public Options withPadding(long other) {
      return new Options(stride, other, outputPadding, dilation, groups, bias);
    }

    /** Which of the sizes that a strided convolution makes equal is meant. */
    public Options withOutputPadding(long other) {
      return new Options(stride, padding, other, dilation, groups, bias);
    }

    public Options withDilation(long other) {
      return new Options(stride, padding, outputPadding, other, groups, bias);
    }

    public Options withGroups(long other) {
      return new Options(stride, padding, outputPadding, dilation, other, bias);
    }

    public Options withBias(boolean other) {
      return new Options(stride, padding, outputPadding, dilation, groups, other);
    }
  }

  private final Options options;
  private final Shape kernel;
  private final long out;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  TransposedConvolution(long in, long out, Shape kernel, Options options) {
    Filters.checkGroups("transposed convolution", in, out, options.groups());
    if (options.outputPadding() < 0 || options.outputPadding() >= options.stride()) {
      throw new IllegalArgumentException(
          "transposed convolution: output padding must be at least 0 and less than the stride; got %d and %d"
              .formatted(options.outputPadding(), options.stride()));
    }
    this.options = options;
    this.kernel = kernel;
    this.out = out;
    var shape = Shape.of(in, out / options.groups()).append(kernel.dims());
    this.weight = parameter("weight", Filters.type(shape), Initializer.fanInUniform());
    this.bias =
        options.bias()
            ? parameter("bias", Filters.type(Shape.of(out)), Filters.biasInitializer(shape))
            : null;
  }

  @Override
  public Tensor forward(Tensor x) {
    if (x.rank() != kernel.rank() + 2) {
      throw new IllegalArgumentException(
          "transposed convolution: needs [N, in, spatial…] with %d spatial axes; got %s"
              .formatted(kernel.rank(), x.type()));
    }
    var window =
        Filters.window(kernel.rank(), options.stride(), options.padding(), options.dilation());
    var op =
        new Primitive.ConvolutionInputGradient(window, options.groups(), outputShape(x), x.dtype());
    return Filters.addBias(Tensor.apply(op, List.of(x, weight.value())), bias);
  }

  private Shape outputShape(Tensor x) {
    var shape = Shape.of(x.dim(0), out);
    for (int i = 0; i < kernel.rank(); i++) {
      long spread = (x.dim(i + 2) - 1) * options.stride() - 2 * options.padding();
      long extent = options.dilation() * (kernel.dim(i) - 1) + 1;
      shape = shape.append(spread + extent + options.outputPadding());
    }
    return shape;
  }
}
