package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * Averages of parameters over the steps, which often generalise better than the last values
 * (Polyak, Juditsky, 1992): average = decay · average + (1 − decay) · value.
 */
public final class ExponentialMovingAverage {
  private final double decay;
  private final Map<String, Parameter> parameters;
  private final Map<String, Parameter> averages = new LinkedHashMap<>();

  /** Begins at the values that the parameters have now. */
  public ExponentialMovingAverage(Map<String, Parameter> parameters, double decay) {
    if (!(decay >= 0 && decay < 1)) {
      throw new IllegalArgumentException("average: needs a decay in [0, 1); got " + decay);
    }
    this.decay = decay;
    this.parameters = new LinkedHashMap<>(parameters);
    Tensors.snapshot(parameters).forEach((name, value) -> averages.put(name, Parameter.of(value)));
  }

  /** Takes in the values that the parameters have now; after each step of the optimiser. */
  public void update() {
    averages.forEach(
        (name, average) -> {
          var value = parameter(name).value();
          average.assign(average.value().mul(decay).add(value.mul(1 - decay)));
        });
  }

  private Parameter parameter(String name) {
    return Objects.requireNonNull(parameters.get(name));
  }

  /** The averages, by name. */
  public Map<String, Parameter> state() {
    return Collections.unmodifiableMap(averages);
  }

  /** Runs {@code body} with the averages in the place of the values, which then come back. */
  public <T> T use(Supplier<T> body) {
    var values = Tensors.snapshot(parameters);
    assign(Tensors.snapshot(averages));
    try {
      return body.get();
    } finally {
      assign(values);
    }
  }

  private void assign(Map<String, Tensor> values) {
    values.forEach((name, value) -> parameter(name).assign(value));
  }
}
