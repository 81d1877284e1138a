package dev.gamelan.nn;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** x·Wᵀ + b: from [.., in] to [.., out]. Parameters: weight [out, in], bias [out]. */
public final class Linear extends UnaryLayer {
  private final Parameter weight;
  private final @Nullable Parameter bias;

  public Linear(long in, long out) {
    this(in, out, true);
  }

  public Linear(long in, long out, boolean bias) {
    this(in, out, bias, Initializer.fanInUniform());
  }

  /**
   * @param initializer of the weight
   */
  public Linear(long in, long out, boolean bias, Initializer initializer) {
    this.weight = parameter("weight", TensorType.of(DType.F32, out, in), initializer);
    // As PyTorch draws it: from the fan-in of the weight.
    this.bias =
        bias
            ? parameter(
                "bias",
                TensorType.of(DType.F32, out),
                Initializer.uniform(1 / Math.sqrt(Math.max((double) in, 1))))
            : null;
  }

  Parameter weight() {
    return weight;
  }

  @Nullable Parameter bias() {
    return bias;
  }

  @Override
  public Tensor forward(Tensor x) {
    var op = new TensorOp.Linear(TensorOp.LinearActivation.NONE);
    var operands = new ArrayList<>(List.of(x, weight.value()));
    if (bias != null) operands.add(bias.value());
    return Tensor.apply(op, operands);
  }
}
