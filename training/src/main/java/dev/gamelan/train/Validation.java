package dev.gamelan.train;

import dev.gamelan.data.Batch;
import dev.gamelan.data.DataLoader;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Measures a model on data that it is not trained on, in inference mode. The loss is the mean over
 * all examples; metrics see all batches.
 */
public final class Validation {
  /** What the names of all metrics begin with. */
  public static final String PREFIX = "validation ";

  /** The name of the loss. */
  public static final String LOSS = PREFIX + "loss";

  private final DataLoader<?> loader;
  private final CompiledFunction loss;
  private final List<Metric> metrics;
  private final CompiledFunction predictions;
  private final long everySteps;

  /**
   * @param loss the mean loss of a batch
   */
  public static Validation ofLoss(DataLoader<?> loader, Function<Batch, Tensor> loss) {
    var compiled = CompiledFunction.of(columns -> List.of(loss.apply(new Batch(columns))));
    return new Validation(loader, compiled, List.of(), compiled, 0);
  }

  private Validation(
      DataLoader<?> loader,
      CompiledFunction loss,
      List<Metric> metrics,
      CompiledFunction predictions,
      long everySteps) {
    this.loader = loader;
    this.loss = loss;
    this.metrics = List.copyOf(metrics);
    this.predictions = predictions;
    this.everySteps = everySteps;
  }

  /**
   * Also measures what {@code predict} makes of a batch against its target.
   *
   * @param predict logits [N, C], or a number for each example
   */
  public Validation withMetrics(Function<Batch, Tensor> predict, Metric... more) {
    var compiled = CompiledFunction.of(columns -> List.of(predict.apply(new Batch(columns))));
    return new Validation(loader, loss, List.of(more), compiled, everySteps);
  }

  /** After so many steps each time, instead of after each epoch. */
  public Validation everySteps(long steps) {
    if (steps < 1) {
      throw new IllegalArgumentException("validation: needs at least 1 step; got " + steps);
    }
    return new Validation(loader, loss, metrics, predictions, steps);
  }

  /** 0 for after each epoch. */
  long everySteps() {
    return everySteps;
  }

  /** Measures now. */
  public Map<String, Double> run() {
    return Mode.INFERENCE.call(this::measure);
  }

  private Map<String, Double> measure() {
    metrics.forEach(Metric::reset);
    double sum = 0;
    long examples = 0;
    for (var batch : loader.epoch(0)) {
      sum += loss.call(batch.columns()).getFirst().toDouble() * batch.size();
      examples += batch.size();
      if (metrics.isEmpty()) continue;
      var predicted = predictions.call(batch.columns()).getFirst();
      for (var metric : metrics) metric.add(predicted, batch.target());
    }
    if (examples == 0) {
      throw new IllegalStateException("validation: the loader gave no examples");
    }
    var values = new LinkedHashMap<String, Double>();
    values.put(LOSS, sum / examples);
    for (var metric : metrics) values.put(PREFIX + metric.name(), metric.value());
    return values;
  }
}
