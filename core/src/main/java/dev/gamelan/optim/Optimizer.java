package dev.gamelan.optim;

import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns gradients into updates of parameters. Its state, the learning rate and the step count are
 * parameters too, so that a compiled step takes them as inputs and updates them in place.
 */
public abstract class Optimizer {
  private final List<Parameter> parameters;
  private final double[] learningRateScales;
  private final Parameter learningRate;
  private final Parameter step;
  private final Map<String, Parameter> state = new LinkedHashMap<>();

  /**
   * @throws IllegalArgumentException if a parameter is in two groups
   */
  protected Optimizer(List<? extends ParameterGroup<?>> groups, double learningRate) {
    var all = new ArrayList<Parameter>();
    var scales = new ArrayList<Double>();
    for (var group : groups) {
      all.addAll(group.parameters());
      scales.addAll(Collections.nCopies(group.parameters().size(), group.learningRateScale()));
    }
    if (new HashSet<>(all).size() < all.size()) {
      throw new IllegalArgumentException(
          "optimizer: a parameter is named twice; it would be updated twice a step");
    }
    this.parameters = List.copyOf(all);
    this.learningRateScales = scales.stream().mapToDouble(Double::doubleValue).toArray();
    this.learningRate = Parameter.of(Tensor.scalar(learningRate));
    this.step = Parameter.of(Tensor.scalar(0));
    state.put("learning_rate", this.learningRate);
    state.put("step", this.step);
  }

  /**
   * One step, lazily: it runs with the next evaluation of this thread, or at the end of a trace.
   */
  public final void update(Gradients gradients) {
    update(parameters.stream().map(gradients::of).toList());
  }

  /** As {@link #update(Gradients)}, with a gradient for each of {@link #parameters}. */
  public final void update(List<Tensor> gradients) {
    if (gradients.size() != parameters.size()) {
      throw new IllegalArgumentException(
          "optimizer: needs a gradient for each of %d parameters; got %d"
              .formatted(parameters.size(), gradients.size()));
    }
    var count = step.value().add(1);
    for (int i = 0; i < gradients.size(); i++) {
      var parameter = parameters.get(i);
      var dtype = parameter.type().dtype();
      var rate = learningRate.value();
      if (learningRateScales[i] != 1) rate = rate.mul(learningRateScales[i]);
      update(i, parameter, gradients.get(i), rate.convert(dtype), count.convert(dtype));
    }
    step.assign(count);
  }

  /**
   * Assigns the new value of one parameter and of its state.
   *
   * @param index of the parameter among {@link #parameters}
   * @param learningRate a scalar of the parameter's dtype
   * @param step a scalar of the parameter's dtype that counts from 1
   */
  protected abstract void update(
      int index, Parameter parameter, Tensor gradient, Tensor learningRate, Tensor step);

  /** State of each parameter's type, {@code value} everywhere, saved as {@code name.0}, … */
  protected final List<Parameter> stateLike(String name, double value) {
    var result = new ArrayList<Parameter>();
    for (int i = 0; i < parameters.size(); i++) {
      result.add(state(name + "." + i, parameters.get(i).type(), value));
    }
    return result;
  }

  /** State that is saved under {@code name}, {@code value} everywhere. */
  protected final Parameter state(String name, TensorType type, double value) {
    var parameter = Parameter.of(Tensors.full(type, value));
    state.put(name, parameter);
    return parameter;
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

  /** Adds {@code decay · parameter} to the gradient: weight decay as a penalty on the square. */
  static Tensor decayed(Tensor gradient, Parameter parameter, double decay) {
    return decay == 0 ? gradient : gradient.add(parameter.value().mul(decay));
  }
}
