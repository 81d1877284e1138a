package dev.gamelan.train;

import dev.gamelan.data.Batch;
import dev.gamelan.data.DataLoader;
import dev.gamelan.nn.Layer;
import dev.gamelan.optim.ExponentialMovingAverage;
import dev.gamelan.optim.GradientClipping;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.optim.Optimizer;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Trains a model: each step is one executable that updates parameters and optimiser state in place.
 * Random draws of step n come from (seed, n). A training that was stopped, however, goes on from
 * its last checkpoint and ends bit for bit where it would have ended.
 *
 * <p>For one thread at a time, but for {@link #stop}; other threads may use the model meanwhile.
 */
public final class Trainer {
  private final Layer model;
  private final Optimizer optimizer;
  private final Function<Batch, Tensor> loss;
  private final long seed;
  private final List<TrainingListener> listeners = new ArrayList<>();
  private @Nullable LearningRateSchedule schedule;
  private @Nullable GradientClipping clipping;
  private int accumulation = 1;
  private @Nullable ExponentialMovingAverage average;
  private @Nullable Validation validation;
  private @Nullable EarlyStopping earlyStopping;
  private @Nullable Checkpoints checkpoints;

  private @Nullable TrainStep compiled;
  private final Position position = new Position();
  private boolean unsaved;
  private volatile boolean stopped;

  /**
   * @param loss the scalar loss of a batch: the mean over its examples
   * @param seed of dropout and other random draws
   */
  public Trainer(Layer model, Optimizer optimizer, Function<Batch, Tensor> loss, long seed) {
    this.model = model;
    this.optimizer = optimizer;
    this.loss = loss;
    this.seed = seed;
  }

  // ---- what else it does

  /** Adds someone to tell how it goes. */
  public Trainer listen(TrainingListener listener) {
    listeners.add(listener);
    return this;
  }

  /** Sets the learning rate of each step. */
  public Trainer schedule(LearningRateSchedule rates) {
    this.schedule = rates;
    return this;
  }

  public Trainer clip(GradientClipping limit) {
    requireNotBegun();
    this.clipping = limit;
    return this;
  }

  /** Takes the mean gradient of so many batches in each step, as if they were one. */
  public Trainer accumulate(int batches) {
    requireNotBegun();
    if (batches < 1) {
      throw new IllegalArgumentException(
          "trainer: accumulates at least 1 batch a step; got " + batches);
    }
    this.accumulation = batches;
    return this;
  }

  /** Averages the parameters over the steps. */
  public Trainer average(ExponentialMovingAverage ofParameters) {
    requireNotBegun();
    this.average = ofParameters;
    return this;
  }

  /** Measures after each epoch, or as the validation says; with the average, if there is one. */
  public Trainer validate(Validation measure) {
    this.validation = measure;
    return this;
  }

  /** Needs a validation. */
  public Trainer stopEarly(EarlyStopping condition) {
    this.earlyStopping = condition;
    return this;
  }

  public Trainer checkpoint(Checkpoints files) {
    this.checkpoints = files;
    return this;
  }

  /** The step is compiled with these. */
  private void requireNotBegun() {
    if (compiled != null) {
      throw new IllegalStateException(
          "trainer: clipping, accumulation and average are set before the first step");
    }
  }

  // ---- training

  /**
   * One step on a batch of one's own; the loss before it.
   *
   * @param batches as many as a step accumulates: one, if it does not
   */
  public float step(Batch... batches) {
    if (batches.length != accumulation) {
      throw new IllegalArgumentException(
          "trainer: a step takes %d batches; got %d".formatted(accumulation, batches.length));
    }
    return step(List.of(batches));
  }

  /** Trains until {@code epochs} times all batches of {@code loader} are done, from the start. */
  public void train(DataLoader<?> loader, int epochs) {
    long steps = loader.batches(position.epoch) / accumulation * epochs;
    run(loader, new Limit(epochs, Long.MAX_VALUE), steps);
  }

  /** Trains until {@code steps} are done, from the start. */
  public void trainSteps(DataLoader<?> loader, long steps) {
    run(loader, new Limit(Integer.MAX_VALUE, steps), steps);
  }

  /** Ends the training after the step that is running; from any thread. */
  public void stop() {
    stopped = true;
  }

  /** How many steps are done. */
  public long steps() {
    return position.step;
  }

  /** The metrics of the last validation, by name. */
  public Map<String, Double> metrics() {
    return position.metrics;
  }

  private record Limit(int epochs, long steps) {
    boolean isReached(Position position) {
      return position.epoch >= epochs || position.step >= steps;
    }
  }

  private void run(DataLoader<?> loader, Limit limit, long steps) {
    if (checkpoints == null) {
      loop(loader, limit, steps);
      return;
    }
    var lock = io(checkpoints::lock);
    try {
      loop(loader, limit, steps);
    } finally {
      io(
          () -> {
            lock.close();
            return true;
          });
    }
  }

  private void loop(DataLoader<?> loader, Limit limit, long steps) {
    requireValidation();
    stopped = earlyStopping != null && earlyStopping.isReached();
    for (var listener : listeners) listener.beforeTraining(position.step);
    if (position.batch > 0) endEpochIfDone(loader, steps);
    while (!stopped && !limit.isReached(position)) {
      beginEpoch(loader);
      var batches = loader.batches(position.epoch, position.batch);
      while (!stopped && !limit.isReached(position) && batches.hasNext()) {
        var taken = new ArrayList<Batch>();
        while (taken.size() < accumulation && batches.hasNext()) taken.add(batches.next());
        // What is left of an epoch and too little for a step is not trained on.
        if (taken.size() == accumulation) advance(taken, batches.done(), steps);
      }
      if (!batches.hasNext()) endEpoch(steps);
    }
    save();
  }

  /** A training may have been killed between the last step of an epoch and its end. */
  private void endEpochIfDone(DataLoader<?> loader, long steps) {
    beginEpoch(loader);
    if (!loader.batches(position.epoch, position.batch).hasNext()) endEpoch(steps);
  }

  private void beginEpoch(DataLoader<?> loader) {
    long count = loader.batches(position.epoch);
    if (count < accumulation) {
      throw new IllegalArgumentException(
          "trainer: an epoch has %d batches, and a step takes %d; use smaller batches, or more data"
              .formatted(count, accumulation));
    }
    int order = loader.order(position.epoch);
    if (position.batch > 0 && position.order != order) {
      throw new IllegalArgumentException(
          "trainer: the training stopped within epoch %d, and this loader gives other batches in it; use the same data, batch size and seed"
              .formatted(position.epoch + 1));
    }
    position.order = order;
    position.batches = count;
  }

  private void advance(List<Batch> batches, long done, long steps) {
    float value = step(batches);
    position.batch = done;
    position.lossSum += value;
    position.lossCount++;
    unsaved = true;
    var progress = progress(value, steps);
    for (var listener : listeners) listener.afterStep(progress);
    boolean measures = validation != null && isDue(validation.everySteps());
    if (measures) validateNow(progress);
    if (checkpoints == null) return;
    // Only weights that were measured can be the best.
    if (isDue(checkpoints.everySteps()) || (measures && checkpoints.needsMetric())) save();
  }

  private boolean isDue(long everySteps) {
    return everySteps > 0 && position.step % everySteps == 0;
  }

  private void endEpoch(long steps) {
    float mean = (float) (position.lossSum / position.lossCount);
    var progress = progress(mean, steps);
    if (validation != null && validation.everySteps() == 0) validateNow(progress);
    for (var listener : listeners) listener.afterEpoch(progress, mean);
    position.nextEpoch();
    unsaved = true;
    save();
  }

  private Progress progress(float value, long steps) {
    return position.progress(value, steps, optimizer.learningRate());
  }

  private void requireValidation() {
    boolean waits = earlyStopping != null || (checkpoints != null && checkpoints.needsMetric());
    if (waits && validation == null) {
      throw new IllegalStateException(
          "trainer: early stopping and the best checkpoints need validate(…)");
    }
  }

  private void validateNow(Progress progress) {
    var measure = Objects.requireNonNull(validation);
    for (var listener : listeners) listener.beforeValidation(progress);
    var metrics = average == null ? measure.run() : average.use(measure::run);
    if (checkpoints != null) checkpoints.requireMetric(metrics);
    position.metrics = metrics;
    position.measured = position.step;
    if (schedule != null) schedule.observe(Objects.requireNonNull(metrics.get(Validation.LOSS)));
    for (var listener : listeners) listener.afterValidation(progress, metrics);
    if (earlyStopping != null && earlyStopping.observe(metrics)) stopped = true;
  }

  private float step(List<Batch> batches) {
    if (compiled == null) {
      compiled = new TrainStep(model, optimizer, loss, clipping, average, accumulation);
    }
    if (schedule != null) optimizer.setLearningRate(schedule.at(position.step));
    var key = RandomKey.of(seed).foldIn((int) position.step);
    var result = compiled.run(batches, key);
    int finite = result.finiteBatches();
    if (finite < batches.size()) {
      throw notFinite(compiled, batches.get(finite), key, finite, result.loss());
    }
    position.step++;
    return result.loss();
  }

  private NonFiniteLossException notFinite(
      TrainStep step, Batch batch, RandomKey key, int index, float value) {
    var cause = step.diagnose(batch, key, index).orElse("running it again gives no such number");
    long number = position.batch + index;
    return new NonFiniteLossException(
        "%s at step %d (batch %d of epoch %d): %s; lower the learning rate, clip the gradients, or look for bad data"
            .formatted(
                Float.isFinite(value) ? "a gradient is NaN or infinite" : "the loss is " + value,
                position.step + 1,
                number + 1,
                position.epoch + 1,
                cause),
        position.epoch,
        number,
        position.step);
  }

  // ---- checkpoints

  /**
   * Goes on from the newest checkpoint that can be read. To be called before training, with
   * everything set as it was.
   *
   * @return whether there was one
   * @throws IllegalArgumentException if it is of another model, optimiser or seed, naming what
   *     differs; nothing is changed then
   */
  public boolean resume() {
    if (checkpoints == null) {
      throw new IllegalStateException("trainer: resuming needs checkpoint(Checkpoints.in(folder))");
    }
    var loaded = io(checkpoints::load);
    loaded.ifPresent(found -> resumable().restore(found, position));
    return loaded.isPresent();
  }

  /** Writes a checkpoint, if there is anything new. */
  private void save() {
    if (checkpoints == null || !unsaved) return;
    var files = checkpoints;
    var resumable = resumable();
    io(
        () -> {
          files.save(Tensors.snapshot(resumable.parameters()), resumable.state(position));
          return true;
        });
    unsaved = false;
  }

  private Resumable resumable() {
    return new Resumable(
        seed,
        parameters(),
        schedule == null ? LearningRateSchedule.constant(0) : schedule,
        earlyStopping,
        listeners.stream().filter(History.class::isInstance).map(History.class::cast).toList());
  }

  /** All state that is on the device, by the names in checkpoints. */
  private Map<String, Parameter> parameters() {
    var all = new LinkedHashMap<String, Parameter>();
    model.state().forEach((name, p) -> all.put("model." + name, p));
    optimizer.state().forEach((name, p) -> all.put("optimizer." + name, p));
    if (average != null) average.state().forEach((name, p) -> all.put("average." + name, p));
    return all;
  }

  /** What reads or writes files. */
  @FunctionalInterface
  private interface Io<T> {
    T run() throws IOException;
  }

  private static <T> T io(Io<T> action) {
    try {
      return action.run();
    } catch (IOException e) {
      // The message of a file system's exception is the path alone.
      var what = e instanceof FileSystemException ? e.toString() : e.getMessage();
      throw new UncheckedIOException("checkpoint: " + what, e);
    }
  }
}
