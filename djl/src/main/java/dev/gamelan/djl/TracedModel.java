package dev.gamelan.djl;

import dev.gamelan.exchange.ExportInput;
import dev.gamelan.ir.Graph;
import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/** What an exported file is made of: a graph, its arguments, and its weights with their names. */
record TracedModel(Graph graph, List<ExportInput> inputs) {
  /** Writes a file. */
  @FunctionalInterface
  interface Writer {
    void write(TracedModel model) throws IOException;
  }

  /**
   * Gives {@code writer}, which needs {@code artifact}, what {@code function} computes with the
   * parameters of {@code model}, of one moment.
   *
   * @param inputs names and types of the function's arguments, in order
   */
  static void write(
      Artifact artifact,
      Layer model,
      SequencedMap<String, TensorType> inputs,
      Function<List<Tensor>, List<Tensor>> function,
      Writer writer)
      throws IOException {
    var traced = Tensors.traceAll(function, List.copyOf(inputs.values()));
    var known = new HashMap<Parameter, String>();
    model.state().forEach((name, parameter) -> known.put(parameter, name));
    var parameters = new LinkedHashMap<Integer, Parameter>();
    for (int i = 0; i < traced.inputs().size(); i++) {
      if (traced.inputs().get(i) instanceof Parameter parameter) parameters.put(i, parameter);
    }
    var values = Tensors.snapshot(parameters); // Of one moment, also while a training goes on.
    try (var arena = Arena.ofConfined()) {
      var all = new ArrayList<ExportInput>();
      inputs.keySet().forEach(name -> all.add(new ExportInput(name, null)));
      for (int i = 0; i < traced.inputs().size(); i++) {
        var parameter = parameters.get(i);
        var name = parameter == null ? "constant" : known.getOrDefault(parameter, "parameter");
        var value = values.getOrDefault(i, traced.inputs().get(i).value());
        all.add(new ExportInput(name, bytes(value, arena)));
      }
      var exported = new TracedModel(traced.graph(), all);
      artifact.with(
          () -> {
            writer.write(exported);
            return exported;
          });
    }
  }

  private static MemorySegment bytes(Tensor tensor, Arena arena) {
    var bytes = arena.allocate(tensor.type().bytes(), Long.BYTES);
    tensor.read(bytes);
    return bytes;
  }
}
