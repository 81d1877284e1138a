package dev.gamelan.nn;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Connectionist temporal classification: the negative log-probability of all alignments of a target
 * with the input, by the forward recursion in logarithms.
 *
 * <p>Reference: [1] Graves et al., ICML 2006, section 4.1.
 */
final class CtcLoss {
  /** A probability of 0; finite, so that no gradient is ∞ · 0. */
  private static final double LOG_ZERO = -1e30;

  private CtcLoss() {}

  /** The loss of each example, [N], f32 or wider; ∞ where no alignment fits. */
  static Tensor of(
      Tensor logProbabilities,
      Tensor targets,
      Tensor inputLengths,
      Tensor targetLengths,
      int blank) {
    // 16 bits do not hold the logarithms of long alignments.
    boolean narrow = logProbabilities.dtype().bits() < 32;
    var logs = narrow ? logProbabilities.convert(DType.F32) : logProbabilities;
    if (logs.rank() != 3 || targets.rank() != 2 || targets.dim(0) != logs.dim(1)) {
      throw new IllegalArgumentException(
          "ctc: needs log-probabilities [T, N, C] and targets [N, S]; got %s and %s"
              .formatted(logs.type(), targets.type()));
    }
    long n = logs.dim(1);
    long states = 2 * targets.dim(1) + 1;
    var labels = withBlanks(targets.convert(DType.I32), blank);
    // A label may be entered past the blank before it, unless it repeats the label before that.
    var maySkip = labels.ne(blank).and(labels.ne(shifted(labels, 2, blank)));
    var state = Tensors.range(DType.I32, states);
    var inputs = inputLengths.convert(DType.I32);
    var outside = Tensors.full(TensorType.of(logs.dtype(), n, states), LOG_ZERO);

    // alpha of one step earlier than the first: all in state 0, which is blank, without cost.
    var beginning = state.eq(0).broadcastTo(outside.shape());
    var start = beginning.select(Tensors.zeros(outside.type()), outside);
    var ends =
        Tensors.scan(
            List.of(start),
            List.of(logs, Tensors.range(DType.I32, logs.dim(0))),
            (carries, slices) -> {
              var alpha = carries.getFirst();
              var step = slices.get(1);
              var entered = shifted(alpha, 1, LOG_ZERO);
              var skipped = maySkip.select(shifted(alpha, 2, LOG_ZERO), outside);
              var paths = Tensors.stack(0, List.of(alpha, entered, skipped)).logSumExp(0);
              var next = paths.add(slices.getFirst().gatherElements(1, labels));
              var running = step.lt(inputs).reshape(-1, 1);
              return new Tensors.Step(List.of(running.select(next, alpha)), List.of());
            });
    // An alignment ends in the last label, or in the blank after it.
    var last = targetLengths.convert(DType.I32).mul(2).reshape(-1, 1);
    var ended = state.eq(last).or(state.eq(last.sub(1)));
    var total = ended.select(ends.carries().getFirst(), outside).logSumExp(1);
    var impossible = total.lt(LOG_ZERO / 2);
    var infinite = Tensors.full(TensorType.of(logs.dtype()), Double.POSITIVE_INFINITY);
    return impossible.select(infinite, total.neg());
  }

  /** blank, t₀, blank, t₁, … blank. */
  private static Tensor withBlanks(Tensor targets, int blank) {
    var blanks = Tensors.full(targets.type(), blank);
    var pairs = Tensors.stack(2, List.of(blanks, targets)).reshape(targets.dim(0), -1);
    var last = Tensors.full(TensorType.of(targets.dtype(), targets.dim(0), 1), blank);
    return Tensors.concatenate(1, List.of(pairs, last));
  }

  /** Moved to the right along axis 1, with {@code fill} from the left. */
  private static Tensor shifted(Tensor x, long by, double fill) {
    long width = x.dim(1);
    long moved = Math.min(by, width);
    var left = Tensors.full(TensorType.of(x.dtype(), x.dim(0), moved), fill);
    return Tensors.concatenate(1, List.of(left, x.slice(1, 0, width - moved)));
  }
}
