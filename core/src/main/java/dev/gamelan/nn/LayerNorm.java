package dev.gamelan.nn;

import dev.gamelan.ir.Normalization;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Normalises the last axes to mean 0 and variance 1, then scales and shifts them (Ba et al.,
 * arXiv:1607.06450). Parameters: weight, and bias, of those axes.
 */
public final class LayerNorm extends UnaryLayer {
  public record Options(double epsilon, boolean bias) {
    public static final Options DEFAULT = new Options(1e-5, true);

    public Options withEpsilon(double other) {
      return new Options(other, bias);
    }

    public Options withBias(boolean other) {
      return new Options(epsilon, other);
    }
  }

  private final Options options;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** Over the last axis. */
  public LayerNorm(long width) {
    this(Shape.of(width), Options.DEFAULT);
  }

  /**
   * @param axes the sizes of the last axes, which are normalised together
   */
  public LayerNorm(Shape axes, Options options) {
    this.options = options;
    var type = new TensorType(DType.F32, axes);
    this.weight = parameter("weight", type, Initializer.ones());
    this.bias = options.bias() ? parameter("bias", type, Initializer.zeros()) : null;
  }

  @Override
  public Tensor forward(Tensor x) {
    var op = new Normalization.LayerNorm(weight.type().rank(), options.epsilon());
    var shift = bias == null ? Tensors.zeros(weight.type()) : bias.value();
    return Tensor.apply(op, List.of(x, weight.value(), shift));
  }
}
