package dev.gamelan.optim;

import dev.gamelan.tensor.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Parameters that an optimiser updates alike: weight decay on matrices only, say, or a pretrained
 * part that learns more slowly.
 *
 * @param learningRateScale multiplies the optimiser's learning rate
 * @param options the optimiser's, for these parameters
 */
public record ParameterGroup<O>(List<Parameter> parameters, double learningRateScale, O options) {
  public ParameterGroup {
    parameters = List.copyOf(parameters);
    if (!(learningRateScale >= 0)) {
      throw new IllegalArgumentException(
          "parameter group: needs a learning rate scale of at least 0; got " + learningRateScale);
    }
  }

  /** With the optimiser's learning rate as it is. */
  public static <O> ParameterGroup<O> of(List<Parameter> parameters, O options) {
    return new ParameterGroup<>(parameters, 1, options);
  }

  /** The options of each parameter, in the order of all groups. */
  static <O> List<O> options(List<ParameterGroup<O>> groups) {
    var options = new ArrayList<O>();
    for (var group : groups) {
      options.addAll(Collections.nCopies(group.parameters().size(), group.options()));
    }
    return options;
  }
}
