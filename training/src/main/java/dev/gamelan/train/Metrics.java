package dev.gamelan.train;

import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToDoubleFunction;

/** The usual metrics; definitions are scikit-learn's. */
public final class Metrics {
  private Metrics() {}

  /** How a metric of each class becomes one of all classes. */
  public enum Average {
    /** The mean over classes that occur. */
    MACRO,
    /** Weighted by how often a class is the true one. */
    WEIGHTED
  }

  // ---- classes: predictions are logits [.., C], targets labels [..]

  /** The share of examples whose largest logit is the label's. */
  public static Metric accuracy() {
    return new MeanMetric(
        "accuracy",
        (logits, labels) -> {
          var right = logits.argMax(-1).convert(labels.dtype()).eq(labels);
          return right.convert(DType.I32).sum().toDouble();
        },
        DoubleUnaryOperator.identity());
  }

  /** The share of examples whose label is among the {@code k} largest logits. */
  public static Metric topAccuracy(int k) {
    return new MeanMetric(
        "top-%d accuracy".formatted(k),
        (logits, labels) -> {
          var best = Tensor.applyAll(new Primitive.TopK(k), List.of(logits)).get(1);
          var column = labels.convert(best.dtype()).reshape(labels.shape().append(1));
          return best.eq(column).any(-1).convert(DType.I32).sum().toDouble();
        },
        DoubleUnaryOperator.identity());
  }

  /** Of what was taken for a class, the share that is of it. */
  public static Metric precision(int classes, Average average) {
    return new ClassMetric("precision", classes, matrix -> matrix.precision(average));
  }

  /** Of what is of a class, the share that was taken for it. */
  public static Metric recall(int classes, Average average) {
    return new ClassMetric("recall", classes, matrix -> matrix.recall(average));
  }

  /** The harmonic mean of precision and recall, for each class. */
  public static Metric f1(int classes, Average average) {
    return new ClassMetric("f1", classes, matrix -> matrix.f1(average));
  }

  /** e to the mean cross-entropy. */
  public static Metric perplexity() {
    return new MeanMetric(
        "perplexity",
        (logits, labels) -> logits.crossEntropy(labels).toDouble() * labels.size(),
        Math::exp);
  }

  /**
   * The area under the receiver operating characteristic of a score for each example; targets are 0
   * or 1. Keeps all scores.
   */
  public static Metric rocAuc() {
    return new RocAuc();
  }

  // ---- numbers: predictions and targets of as many elements

  public static Metric meanSquaredError() {
    return new MeanMetric("mse", (y, t) -> errors(y, t).square().sum().toDouble(), x -> x);
  }

  public static Metric rootMeanSquaredError() {
    return new MeanMetric("rmse", (y, t) -> errors(y, t).square().sum().toDouble(), Math::sqrt);
  }

  public static Metric meanAbsoluteError() {
    return new MeanMetric("mae", (y, t) -> errors(y, t).abs().sum().toDouble(), x -> x);
  }

  /** The share of the targets' variance that is explained: R². */
  public static Metric determination() {
    return new Determination();
  }

  private static Tensor errors(Tensor predictions, Tensor targets) {
    return predictions.reshape(targets.shape()).sub(targets.convert(predictions.dtype()));
  }

  /** A mean over all elements of the targets, of sums over batches. */
  private static final class MeanMetric implements Metric {
    private final String name;
    private final ToDoubleBiFunction<Tensor, Tensor> sum;
    private final DoubleUnaryOperator finish;
    private double total;
    private long count;

    MeanMetric(String name, ToDoubleBiFunction<Tensor, Tensor> sum, DoubleUnaryOperator finish) {
      this.name = name;
      this.sum = sum;
      this.finish = finish;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void reset() {
      total = 0;
      count = 0;
    }

    @Override
    public void add(Tensor predictions, Tensor targets) {
      total += sum.applyAsDouble(predictions, targets);
      count += targets.size();
    }

    @Override
    public double value() {
      return finish.applyAsDouble(total / count);
    }
  }

  /** A number that is worked out from the confusion matrix. */
  private static final class ClassMetric implements Metric {
    private final String name;
    private final int classes;
    private final ToDoubleFunction<ConfusionMatrix> of;
    private ConfusionMatrix matrix;

    ClassMetric(String name, int classes, ToDoubleFunction<ConfusionMatrix> of) {
      this.name = name;
      this.classes = classes;
      this.of = of;
      this.matrix = new ConfusionMatrix(classes);
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void reset() {
      matrix = new ConfusionMatrix(classes);
    }

    @Override
    public void add(Tensor predictions, Tensor targets) {
      matrix.add(targets.toIntArray(), predictions.argMax(-1).toIntArray());
    }

    @Override
    public double value() {
      return of.applyAsDouble(matrix);
    }
  }

  /** 1 − Σ(y − t)² / Σ(t − mean t)², with the sums gathered in f64. */
  private static final class Determination implements Metric {
    private double errors;
    private double sum;
    private double squares;
    private long count;

    @Override
    public String name() {
      return "r2";
    }

    @Override
    public void reset() {
      errors = 0;
      sum = 0;
      squares = 0;
      count = 0;
    }

    @Override
    public void add(Tensor predictions, Tensor targets) {
      var y = predictions.toDoubleArray();
      var t = targets.toDoubleArray();
      for (int i = 0; i < t.length; i++) {
        errors += (y[i] - t[i]) * (y[i] - t[i]);
        sum += t[i];
        squares += t[i] * t[i];
      }
      count += t.length;
    }

    @Override
    public double value() {
      return 1 - errors / (squares - sum * sum / count);
    }
  }
}
