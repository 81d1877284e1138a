package dev.gamelan.mxnet;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.exchange.ExportInput;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.ir.Graph;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;

/**
 * Writes graphs as pairs of files that MXNet 1.9 loads without Gamelan: {@code NAME-symbol.json}
 * and {@code NAME-0000.params}. Scalars are arrays of one element there. Each file is there whole
 * or not at all, the symbol last.
 */
public final class SymbolFile {
  private SymbolFile() {}

  /**
   * Writes into {@code folder}, which is made if need be.
   *
   * @param name of the files before their endings; of letters, digits and {@code _.:-}
   * @param inputs one for each input of the graph
   * @param outputs a name for each output
   * @throws IllegalArgumentException if they are not as many, names are alike, or an argument or
   *     output has a storage dtype
   * @throws EngineException naming an op or dtype that MXNet has not
   */
  public static void write(
      Path folder, String name, Graph graph, List<ExportInput> inputs, List<String> outputs)
      throws IOException {
    ExportInput.check(graph, inputs);
    if (name.isEmpty() || !plain(name).equals(name) || name.contains("/")) {
      throw new IllegalArgumentException("'%s' is no name for files".formatted(name));
    }
    if (outputs.size() != graph.outputs().size()) {
      throw new IllegalArgumentException(
          "the graph has %d outputs; got %d names"
              .formatted(graph.outputs().size(), outputs.size()));
    }
    var prepared = Engines.checked(graph, MxNetEngine.DEVICE, CompileOptions.DEFAULT);
    var expanded = MxNetEngine.expanded(prepared);
    checkOps(expanded);
    var taken = new HashSet<String>();
    var names = new ArrayList<String>();
    for (var input : inputs) names.add(unique(input, taken));
    for (var output : outputs) {
      if (!taken.add(plain(output))) {
        throw new IllegalArgumentException(
            "two inputs or outputs are called '%s'".formatted(output));
      }
    }
    var symbol = Lowering.lower(expanded, names, outputs.stream().map(SymbolFile::plain).toList());
    var arrays = new LinkedHashMap<String, HostTensor>();
    for (int i = 0; i < names.size(); i++) {
      var value = inputs.get(i).value();
      var type = expanded.inputTypes().get(i);
      if (value != null) arrays.put("arg:" + names.get(i), new HostTensor(type, value));
    }
    for (int i = 0; i < symbol.constants().size(); i++) {
      var literal = symbol.constants().get(i);
      var value = new HostTensor(literal.type(), MemorySegment.ofBuffer(literal.bytes()));
      arrays.put("arg:" + symbol.constantName(i), value);
    }
    ParameterFile.write(folder.resolve(name + "-0000.params"), arrays);
    AtomicFiles.write(folder.resolve(name + "-symbol.json"), symbol.json().getBytes(UTF_8));
  }

  private static void checkOps(Graph graph) {
    for (var type : graph.inputTypes()) {
      if (type.size() == 0)
        throw new EngineException("MXNet has nothing empty, as %s is".formatted(type));
    }
    for (var node : graph.nodes()) {
      if (!node.inputs().isEmpty() && !Support.takes(graph, node)) {
        throw new EngineException(
            "MXNet has no op that computes %s of %s as it is meant; export a SavedModel, a "
                    .formatted(node.op().name(), node.inputs().getFirst().type())
                + "TorchScript or an ONNX file instead");
      }
    }
  }

  /** Weights may be called alike, arguments not. */
  private static String unique(ExportInput input, Set<String> taken) {
    var plain = plain(input.name());
    var unique = plain;
    for (int i = 1; !taken.add(unique); i++) {
      if (input.value() == null) {
        throw new IllegalArgumentException("two arguments are called '%s'".formatted(plain));
      }
      unique = plain + "_" + i;
    }
    return unique;
  }

  /** What a JSON text needs no escapes for. */
  private static String plain(String name) {
    return name.replaceAll("[^A-Za-z0-9_./:-]", "_");
  }
}
