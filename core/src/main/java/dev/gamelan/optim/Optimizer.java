package dev.gamelan.optim;

import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns gradients into updates of parameters. Its state, the learning rate and the step count are
 * parameters too, so that a compiled step takes them as inputs and updates them in place.
 */
public abstract class Optimizer {
  private final List<Parameter> parameters;
  private final Parameter learningRate;
  private final Parameter step;
  private final Map<String, Parameter> state = new LinkedHashMap<>();

  protected Optimizer(List<Parameter> parameters, double learningRate) {
    this.parameters = List.copyOf(parameters);
    this.learningRate = Parameter.of(Tensor.scalar(learningRate));
    this.step = Parameter.of(Tensor.scalar(0));
    state.put("learning_rate", this.learningRate);
    state.put("step", this.step);
  }

  /**
   * One step, lazily: it runs with the next evaluation of this thread, or at the end of a trace.
   */
  public final void update(Gradients gradients) {
    var count = step.value().add(1);
    for (int i = 0; i < parameters.size(); i++) {
      var parameter = parameters.get(i);
      var rate = learningRate.value().convert(parameter.type().dtype());
      update(i, parameter, gradients.of(parameter), rate, count.convert(parameter.type().dtype()));
    }
    step.assign(count);
  }

  /**
   * Assigns the new value of one parameter and of its state.
   *
   * @param step counts from 1
   */
  protected abstract void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step);

  /** Zeros of each parameter's type, saved as {@code name.0}, {@code name.1}, … */
  protected final List<Parameter> stateLike(String name) {
    var result = parameters.stream().map(p -> Parameter.of(Tensors.zeros(p.type()))).toList();
    for (int i = 0; i < result.size(); i++) state.put(name + "." + i, result.get(i));
    return result;
  }

  public final List<Parameter> parameters() {
    return parameters;
  }

  public final double learningRate() {
    return learningRate.value().toDouble();
  }

  /** Takes effect at the next step; compiles nothing. */
  public final void setLearningRate(double rate) {
    learningRate.assign(Tensor.scalar(rate));
  }

  /** Everything that a checkpoint of the optimiser holds, by name. */
  public final Map<String, Parameter> state() {
    return Collections.unmodifiableMap(state);
  }
}
