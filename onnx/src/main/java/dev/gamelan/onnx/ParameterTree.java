package dev.gamelan.onnx;

import dev.gamelan.nn.Layer;
import dev.gamelan.onnx.read.Operand;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parameters under names with dots, each dot a child. */
class ParameterTree extends Layer {
  private final Map<String, ParameterTree> groups = new LinkedHashMap<>();

  /** A parameter with the value of the file, to which {@link #initialize} takes it back. */
  final Parameter add(List<String> path, Operand.Weight weight) {
    var name = path.getFirst();
    if (path.size() > 1) {
      return groups
          .computeIfAbsent(name, n -> register(n, new ParameterTree()))
          .add(path.subList(1, path.size()), weight);
    }
    var parameter = parameter(name, weight.type(), (key, type) -> value(weight));
    parameter.assign(value(weight));
    return parameter;
  }

  private static Tensor value(Operand.Weight weight) {
    return Tensor.constant(weight.type(), weight.bytes());
  }

  /** The parts of {@code name}, or it as a whole where another name makes that ambiguous. */
  static List<String> path(String name, Collection<String> all) {
    var parts = List.of(name.split("\\.", -1));
    boolean ambiguous =
        parts.contains("")
            || all.stream().anyMatch(o -> o.startsWith(name + ".") || name.startsWith(o + "."));
    return ambiguous ? List.of(name.replace('.', '_')) : parts;
  }
}
