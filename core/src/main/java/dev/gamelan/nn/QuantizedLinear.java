package dev.gamelan.nn;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Linear} whose weights were rounded, for inference: from [.., in] to [.., out]. Nothing
 * of it is trained. State: weight [out, in], scales, bias [out].
 */
public final class QuantizedLinear extends UnaryLayer {
  private static final double LARGEST_INT8 = 127;
  private static final double LARGEST_INT4 = 7;

  private final TensorOp op;
  private final Parameter weight;
  private final Parameter scales;
  private final @Nullable Parameter bias;

  private QuantizedLinear(TensorOp op, Tensor weight, Tensor scales, @Nullable Parameter bias) {
    this.op = op;
    this.weight = kept("weight", weight);
    this.scales = kept("scales", scales);
    this.bias = bias == null ? null : kept("bias", bias.value());
    Tensors.evaluate(List.of(this.weight.value(), this.scales.value()));
  }

  private Parameter kept(String name, Tensor value) {
    var parameter = state(name, value.type(), Initializer.zeros());
    parameter.assign(value);
    return parameter;
  }

  /**
   * Weights of 8 bits with a scale for each row; x is rounded to 8 bits row by row as it comes. A
   * product is then off by about a hundredth of its scale.
   */
  public static QuantizedLinear int8(Linear linear) {
    var weight = linear.weight().value();
    var step = step(weight, LARGEST_INT8);
    var op = new TensorOp.DynamicQuantizedMatmul();
    var rounded = weight.div(step).round().convert(DType.I8);
    return new QuantizedLinear(op, rounded, step.reshape(weight.dim(0)), linear.bias());
  }

  /**
   * Weights of 4 bits with a scale for each {@code group} of a row; x is read as it is.
   *
   * @param group divides the number of inputs; 32 to 128 are usual
   */
  public static QuantizedLinear int4(Linear linear, long group) {
    var weight = linear.weight().value();
    long out = weight.dim(0);
    long in = weight.dim(1);
    if (group < 1 || in % group != 0) {
      throw new IllegalArgumentException(
          "groups of %d do not divide %d inputs; choose a divisor".formatted(group, in));
    }
    var grouped = weight.reshape(out, in / group, group);
    var step = step(grouped, LARGEST_INT4);
    var rounded = grouped.div(step).round().convert(DType.I4).reshape(out, in);
    var scales = step.reshape(out, in / group);
    return new QuantizedLinear(new TensorOp.QuantizedMatmul(group), rounded, scales, linear.bias());
  }

  /** The largest magnitude along the last axis, which stays with size 1, by what it becomes. */
  private static Tensor step(Tensor weight, double largest) {
    var magnitude = weight.abs().max(-1).maximum(Float.MIN_NORMAL);
    return magnitude.div(largest).reshape(weight.shape().with(-1, 1));
  }

  @Override
  public Tensor forward(Tensor x) {
    var y = Tensor.apply(op, List.of(x, weight.value(), scales.value()));
    return bias == null ? y : y.add(bias.value());
  }
}
