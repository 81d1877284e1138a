package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.kernel.QuantizedGemvKernel;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Optional;

/**
 * Products of a few rows with 4-bit weights, which are read once and never widened in memory. With
 * more rows it pays to widen them and multiply as usual: there the composite is expanded.
 */
final class QuantizedLowering {
  private static final long MOST_ROWS = 4;

  private final Lowering lowering;
  private final Kernels kernels;

  QuantizedLowering(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /** Whether there is a kernel for it. */
  static boolean supports(TensorOp.QuantizedMatmul op, List<TensorType> inputs, Isa isa) {
    var x = inputs.get(0);
    var weight = inputs.get(1);
    long block = QuantizedGemvKernel.BLOCK;
    boolean grouped = op.group() % block == 0 || (op.group() >= 8 && block % op.group() == 0);
    return isa == Isa.AVX512
        && x.dtype() == DType.F32
        && (weight.dtype() == DType.I4 || weight.dtype() == DType.U4)
        && weight.dim(0) > 0
        && weight.dim(1) > 0
        && weight.dim(1) % block == 0
        && grouped
        && x.size() > 0
        && x.size() / weight.dim(1) <= MOST_ROWS;
  }

  /** Adds the steps of {@code node}; false where it is something else. */
  boolean lower(Node node) {
    if (!(node.op() instanceof TensorOp.QuantizedMatmul op)) return false;
    var x = node.inputs().get(0);
    var weight = node.inputs().get(1);
    long columns = weight.dim(1);
    long rows = x.type().size() / columns;
    int scales = (int) Math.max(QuantizedGemvKernel.BLOCK / op.group(), 1);
    boolean zeros = node.inputs().size() == 4;
    boolean signed = weight.type().dtype() == DType.I4;
    // Three bytes of x are as much as f32 has, and one, with eight elements to a scale, about what
    // bf16 has.
    int bytes = lowering.precision() == DType.BF16 ? 1 : 3;
    var variant = new QuantizedGemvKernel.Variant(signed, zeros, scales, bytes, kernels.hasVnni());
    var ordered =
        lowering.temporary(
            rows * columns / QuantizedGemvKernel.BLOCK * QuantizedGemvKernel.X_BLOCK);
    lowering.step(
        new QuantizedInputStep(
            lowering.dense(x), ordered, rows * columns, variant, kernels.threads()));
    lowering.step(
        new QuantizedGemvStep(
            kernels.quantizedGemv(variant),
            new QuantizedGemvStep.Sizes(rows, weight.dim(0), columns, op.group()),
            lowering.dense(weight),
            lowering.dense(node.inputs().get(2)),
            zeros ? Optional.of(lowering.dense(node.inputs().get(3))) : Optional.empty(),
            ordered,
            lowering.place(node.result()),
            kernels.threads(),
            lowering.reserveArguments(kernels.threads() * QuantizedGemvKernel.ARGUMENTS)));
    return true;
  }
}
