package dev.gamelan.nn;

import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far predictions are from targets, as a scalar: the mean over elements, or over examples where
 * an example has one loss. Definitions and defaults are PyTorch's.
 */
public final class Losses {
  private Losses() {}

  // ---- regression; prediction and target of one shape

  /** The mean of (x − y)². */
  public static Tensor meanSquared(Tensor prediction, Tensor target) {
    return difference(prediction, target).square().mean();
  }

  /** The mean of |x − y|. */
  public static Tensor l1(Tensor prediction, Tensor target) {
    return difference(prediction, target).abs().mean();
  }

  /**
   * Quadratic below {@code beta}, (x−y)²/2β, and linear above, |x−y| − β/2 (Girshick,
   * arXiv:1504.08083).
   */
  public static Tensor smoothL1(Tensor prediction, Tensor target, double beta) {
    if (!(beta > 0)) {
      throw new IllegalArgumentException("smooth l1: needs a positive beta; got " + beta);
    }
    var d = difference(prediction, target).abs();
    return d.lt(beta).select(d.square().mul(0.5 / beta), d.sub(0.5 * beta)).mean();
  }

  private static Tensor difference(Tensor prediction, Tensor target) {
    requireSameShape(prediction, target);
    return prediction.sub(target);
  }

  private static void requireSameShape(Tensor prediction, Tensor target) {
    // Broadcasting [N, 1] against [N] would compare every prediction with every target.
    if (!prediction.shape().equals(target.shape())) {
      throw new IllegalArgumentException(
          "loss: needs prediction and target of one shape; got %s and %s; reshape one of them"
              .formatted(prediction.type(), target.type()));
    }
  }

  // ---- classification

  /**
   * @param labelSmoothing the share of the target that all classes get alike (Szegedy et al.,
   *     arXiv:1512.00567)
   * @param classWeights [C]: how much each class counts; or null for alike
   * @param ignoredLabel a label that does not count: of padding, say
   */
  public record CrossEntropyOptions(
      double labelSmoothing, @Nullable Tensor classWeights, long ignoredLabel) {
    public static final CrossEntropyOptions DEFAULT = new CrossEntropyOptions(0, null, -100);

    public CrossEntropyOptions withLabelSmoothing(double other) {
      return new CrossEntropyOptions(other, classWeights, ignoredLabel);
    }

    public CrossEntropyOptions withClassWeights(Tensor other) {
      return new CrossEntropyOptions(labelSmoothing, other, ignoredLabel);
    }

    public CrossEntropyOptions withIgnoredLabel(long other) {
      return new CrossEntropyOptions(labelSmoothing, classWeights, other);
    }
  }

  /** As {@link #crossEntropy(Tensor, Tensor, CrossEntropyOptions)} without options. */
  public static Tensor crossEntropy(Tensor logits, Tensor labels) {
    return logits.crossEntropy(labels);
  }

  /**
   * The mean negative log-likelihood of integer labels [..] under logits [.., C], weighted by
   * class; NaN if every label is ignored.
   */
  public static Tensor crossEntropy(Tensor logits, Tensor labels, CrossEntropyOptions options) {
    // The label that is ignored may be one that the dtype of the labels does not hold.
    var numbers = labels.convert(DType.I32);
    var counts = numbers.ne(options.ignoredLabel());
    // An ignored label need not be a class; any class stands in for it and counts nothing.
    var classes = counts.select(numbers, Tensors.zeros(DType.I32));
    var weights = counts.convert(logits.dtype());
    var classWeights = options.classWeights();
    if (classWeights != null) weights = weights.mul(classWeights.gather(0, classes));
    var losses = Tensor.apply(new SoftmaxOp.CrossEntropy(), List.of(logits, classes));
    var total = losses.mul(weights).sum().div(weights.sum());
    double smoothing = options.labelSmoothing();
    if (smoothing == 0) return total;
    var logs = logits.logSoftmax(-1);
    if (classWeights != null) logs = logs.mul(classWeights);
    var everyClass = logs.sum(-1).neg().mul(counts.convert(logits.dtype())).sum();
    var smooth = everyClass.div(weights.sum()).mul(smoothing / logits.dim(-1));
    return total.mul(1 - smoothing).add(smooth);
  }

  /** Of targets from 0 to 1 and logits of one shape: the mean over elements. */
  public static Tensor binaryCrossEntropyWithLogits(Tensor logits, Tensor targets) {
    requireSameShape(logits, targets);
    return Activations.softplus(logits).sub(logits.mul(targets)).mean();
  }

  /**
   * KL(target ‖ prediction) of log-probabilities and probabilities [N, …]: the sum over an example,
   * averaged over N.
   */
  public static Tensor klDivergence(Tensor logProbabilities, Tensor target) {
    requireSameShape(logProbabilities, target);
    // 0 · log 0 is 0.
    var positive = target.gt(0);
    var logs = positive.select(target, Tensors.ones(target.dtype())).log();
    return target.mul(logs.sub(logProbabilities)).sum().div(target.dim(0));
  }

  // ---- embeddings [N, width]

  private static final double DISTANCE_EPSILON = 1e-6;

  /**
   * The mean of max(0, d(anchor, positive) − d(anchor, negative) + margin), with Euclidean
   * distances d (Schroff et al., arXiv:1503.03832).
   */
  public static Tensor tripletMargin(
      Tensor anchor, Tensor positive, Tensor negative, double margin) {
    return distance(anchor, positive).sub(distance(anchor, negative)).add(margin).relu().mean();
  }

  private static Tensor distance(Tensor a, Tensor b) {
    // PyTorch's epsilon, which keeps the root differentiable where a equals b.
    return difference(a, b).add(DISTANCE_EPSILON).square().sum(-1).sqrt();
  }

  /**
   * Pulls pairs together that belong together and pushes others apart to a margin: the mean of ½d²
   * or ½max(0, margin − d)² (Hadsell et al., CVPR 2006).
   *
   * @param same bool[N]
   */
  public static Tensor contrastive(Tensor a, Tensor b, Tensor same, double margin) {
    var d = distance(a, b);
    return same.select(d.square(), d.neg().add(margin).relu().square()).mul(0.5).mean();
  }

  /**
   * For each pair the cosine of its angle: the mean of 1 − cos, or max(0, cos − margin).
   *
   * @param same bool[N]
   */
  public static Tensor cosineEmbedding(Tensor a, Tensor b, Tensor same, double margin) {
    var squares = a.square().sum(-1).add(1e-12).mul(b.square().sum(-1).add(1e-12));
    var cosine = a.mul(b).sum(-1).mul(squares.rsqrt());
    return same.select(cosine.neg().add(1), cosine.sub(margin).relu()).mean();
  }

  // ---- sequences

  /**
   * As {@link CtcLoss#of}: the mean over examples of the loss divided by the target's length.
   *
   * @param logProbabilities [T, N, C]
   * @param targets integers [N, S]; not the blank
   * @param inputLengths i32[N], at most T
   * @param targetLengths i32[N], at most S
   */
  public static Tensor ctc(
      Tensor logProbabilities,
      Tensor targets,
      Tensor inputLengths,
      Tensor targetLengths,
      int blank) {
    var losses = CtcLoss.of(logProbabilities, targets, inputLengths, targetLengths, blank);
    var lengths = targetLengths.convert(DType.I32).maximum(1);
    return losses.div(lengths.convert(losses.dtype())).mean();
  }
}
