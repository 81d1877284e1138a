package dev.gamelan.train;

import dev.gamelan.data.Batch;
import dev.gamelan.nn.Layer;
import dev.gamelan.optim.ExponentialMovingAverage;
import dev.gamelan.optim.GradientClipping;
import dev.gamelan.optim.Optimizer;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.FiniteCheck;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One step as one executable: forward, gradients, clipping, optimiser and average. Where the loss
 * or a gradient is not finite, it leaves all state as it was. With accumulation, the batches before
 * the last of a step run an executable that adds up their gradients.
 */
final class TrainStep {
  /**
   * @param finiteBatches how many batches of the step had a finite loss and finite gradients,
   *     before the first that had not
   */
  record Result(float loss, int finiteBatches) {}

  private final Layer model;
  private final Optimizer optimizer;
  private final Function<Batch, Tensor> loss;
  private final @Nullable GradientClipping clipping;
  private final @Nullable ExponentialMovingAverage average;
  private final int batches;
  private final List<Parameter> sums = new ArrayList<>();
  private final CompiledFunction accumulate = CompiledFunction.of(this::accumulate);
  private final CompiledFunction update = CompiledFunction.of(this::update);

  /**
   * @param batches of one step
   */
  TrainStep(
      Layer model,
      Optimizer optimizer,
      Function<Batch, Tensor> loss,
      @Nullable GradientClipping clipping,
      @Nullable ExponentialMovingAverage average,
      int batches) {
    this.model = model;
    this.optimizer = optimizer;
    this.loss = loss;
    this.clipping = clipping;
    this.average = average;
    this.batches = batches;
    if (batches > 1) {
      for (var p : optimizer.parameters()) sums.add(Parameter.of(Tensors.zeros(p.type())));
    }
  }

  /** The mean loss of a step's batches. */
  Result run(List<Batch> step, RandomKey key) {
    double sum = 0;
    for (int i = 0; i < step.size(); i++) {
      var function = i + 1 < step.size() ? accumulate : update;
      var columns = step.get(i).columns();
      var results = inTraining(keyOf(key, i), () -> function.call(columns));
      float value = results.getFirst().toFloat();
      sum += value;
      if (!results.get(1).toBoolean()) {
        for (var s : sums) s.assign(Tensors.zeros(s.type()));
        return new Result(value, i);
      }
    }
    return new Result((float) (sum / step.size()), step.size());
  }

  private RandomKey keyOf(RandomKey key, int batch) {
    return batches == 1 ? key : key.foldIn(batch);
  }

  private static <T> T inTraining(RandomKey key, Supplier<T> body) {
    return Mode.TRAINING.call(() -> key.use(body));
  }

  /** Runs a batch of a step again to find where the first NaN or infinity comes from. */
  Optional<String> diagnose(Batch batch, RandomKey key, int index) {
    var names = new LinkedHashMap<String, Parameter>(model.state());
    optimizer.state().forEach((name, state) -> names.put("optimizer." + name, state));
    Function<List<Tensor>, List<Tensor>> function =
        index + 1 < batches ? this::accumulate : this::update;
    return inTraining(
        keyOf(key, index), () -> FiniteCheck.firstNonFinite(function, batch.columns(), names));
  }

  private List<Tensor> accumulate(List<Tensor> columns) {
    var guard = new Guard(sums, model);
    var gradients = gradients(columns);
    var all = optimizer.parameters().stream().map(gradients::of).toList();
    var finite = finite(gradients.loss(), all);
    for (int i = 0; i < all.size(); i++) {
      sums.get(i).assign(sums.get(i).value().add(all.get(i)));
    }
    guard.restoreUnless(finite);
    return List.of(gradients.loss(), finite);
  }

  private List<Tensor> update(List<Tensor> columns) {
    var guarded = new ArrayList<>(optimizer.parameters());
    optimizer
        .state()
        .forEach(
            (name, state) -> {
              if (!name.equals("learning_rate")) guarded.add(state);
            });
    if (average != null) guarded.addAll(average.state().values());
    var guard = new Guard(guarded, model);
    var gradients = gradients(columns);
    var all = optimizer.parameters().stream().map(gradients::of).toList();
    if (!sums.isEmpty()) all = means(all);
    var finite = finite(gradients.loss(), all);
    optimizer.update(clipping == null ? all : clipping.apply(all));
    if (average != null) average.update();
    guard.restoreUnless(finite);
    return List.of(gradients.loss(), finite);
  }

  private Gradients gradients(List<Tensor> columns) {
    return Gradients.compute(optimizer.parameters(), () -> loss.apply(new Batch(columns)));
  }

  /** Of the gradients of all batches, with these of the last one; the sums begin again. */
  private List<Tensor> means(List<Tensor> last) {
    var means = new ArrayList<Tensor>();
    for (int i = 0; i < last.size(); i++) {
      var sum = sums.get(i);
      means.add(sum.value().add(last.get(i)).div(batches));
      sum.assign(Tensors.zeros(sum.type()));
    }
    return means;
  }

  private static Tensor finite(Tensor loss, List<Tensor> gradients) {
    var finite = loss.isFinite();
    for (var gradient : gradients) finite = finite.and(gradient.isFinite().all());
    return finite;
  }

  /** State as it was before a step, which a step that fails gives back. */
  private static final class Guard {
    private final Map<Parameter, Tensor> before = new LinkedHashMap<>();

    Guard(List<Parameter> updated, Layer model) {
      for (var parameter : updated) before.put(parameter, parameter.value());
      // Running statistics are updated by the forward pass.
      var trained = model.parameters();
      for (var state : model.state().values()) {
        if (!trained.contains(state)) before.put(state, state.value());
      }
    }

    void restoreUnless(Tensor finite) {
      before.forEach(
          (parameter, value) -> parameter.assign(finite.select(parameter.value(), value)));
    }
  }
}
