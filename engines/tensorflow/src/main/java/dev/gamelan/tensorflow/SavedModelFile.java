package dev.gamelan.tensorflow;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.exchange.ExportInput;
import dev.gamelan.ir.Graph;
import dev.gamelan.pass.StorageExpansion;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Writes graphs as SavedModels, which TensorFlow loads without Gamelan: in Python, in its serving,
 * in Java. They are of TensorFlow's own ops; what it has no op for is a call of XLA, with the op's
 * StableHLO, for TensorFlow 2.16 or newer. Weights are constants of the graph, so all of it is less
 * than 2 GiB. The file is there whole or not at all.
 */
public final class SavedModelFile {
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  private static final int MODEL_SCHEMA_VERSION = 1;
  private static final int MODEL_META_GRAPH = 2;
  private static final int SCHEMA_VERSION = 1;
  private static final int META_GRAPH_INFO = 1;
  private static final int META_GRAPH_DEF = 2;
  private static final int INFO_TAG = 4;
  private static final int INFO_TENSORFLOW_VERSION = 5;

  /** Of the ops' attributes. */
  private static final String TENSORFLOW_VERSION = "2.18.0";

  private static final String METHOD = "tensorflow/serving/predict";

  private SavedModelFile() {}

  /**
   * Makes {@code folder}, if need be, and in it {@code saved_model.pb}. The signature {@code
   * serving_default} takes the arguments and gives the outputs by their names.
   *
   * @param inputs one for each input of the graph; names of arguments differ
   * @param outputs a name for each output, all different
   * @throws IllegalArgumentException if they are not as many, names are alike, an argument or
   *     output has a storage dtype, or all of it is 2 GiB or more
   */
  public static void write(Path folder, Graph graph, List<ExportInput> inputs, List<String> outputs)
      throws IOException {
    ExportInput.check(graph, inputs);
    checkNames(graph, inputs, outputs);
    var prepared = Engines.checked(graph, TensorFlowEngine.DEVICE, CompileOptions.DEFAULT);
    var expanded = StorageExpansion.apply(prepared);
    var writer = new GraphWriter();
    var nodes = new ArrayList<String>();
    var signature = new ProtoWriter();
    for (int i = 0; i < inputs.size(); i++) {
      var input = inputs.get(i);
      var type = expanded.inputTypes().get(i);
      if (input.value() != null) {
        nodes.add(writer.constant(nodeName(input.name(), i), type, input.value()));
      } else {
        nodes.add(writer.placeholder("x" + i, type));
        signature.entry(Signature.SIGNATURE_INPUT, input.name(), info(nodes.getLast(), type));
      }
    }
    var fetched = GraphLowering.lower(expanded, writer, nodes);
    for (int i = 0; i < outputs.size(); i++) {
      var info = info(fetched.get(i), graph.outputTypes().get(i));
      signature.entry(Signature.SIGNATURE_OUTPUT, outputs.get(i), info);
    }
    signature.text(Signature.SIGNATURE_METHOD, METHOD);
    var model = model(writer, signature);
    if (model.size() > MOST_BYTES) {
      throw new IllegalArgumentException(
          "a SavedModel of %,d bytes; its format ends at 2 GiB: narrow the weights, or split it"
              .formatted(model.size()));
    }
    AtomicFiles.createFolder(folder);
    AtomicFiles.write(folder.resolve(SavedModel.FILE), model::writeTo);
  }

  private static ProtoWriter model(GraphWriter graph, ProtoWriter signature) {
    var info =
        new ProtoWriter()
            .text(INFO_TAG, SavedModel.TAG)
            .text(INFO_TENSORFLOW_VERSION, TENSORFLOW_VERSION);
    var metaGraph =
        new ProtoWriter()
            .message(META_GRAPH_INFO, info)
            .message(META_GRAPH_DEF, graph.message())
            .entry(Signature.META_GRAPH_SIGNATURE, SavedModel.DEFAULT_SIGNATURE, signature);
    return new ProtoWriter()
        .number(MODEL_SCHEMA_VERSION, SCHEMA_VERSION)
        .message(MODEL_META_GRAPH, metaGraph);
  }

  /** The message TensorInfo. */
  private static ProtoWriter info(String node, TensorType type) {
    return new ProtoWriter()
        .text(Signature.INFO_NAME, node.contains(":") ? node : node + ":0")
        .number(Signature.INFO_DTYPE, DataTypes.number(type.dtype()))
        .message(Signature.INFO_SHAPE, Attributes.shape(type.shape()));
  }

  private static void checkNames(Graph graph, List<ExportInput> inputs, List<String> outputs) {
    if (outputs.size() != graph.outputs().size()) {
      throw new IllegalArgumentException(
          "the graph has %d outputs; got %d names"
              .formatted(graph.outputs().size(), outputs.size()));
    }
    var arguments = inputs.stream().filter(input -> input.value() == null);
    differ("arguments", arguments.map(ExportInput::name).toList());
    differ("outputs", outputs);
  }

  private static void differ(String what, List<String> names) {
    Set<String> seen = new HashSet<>();
    for (var name : names) {
      if (!seen.add(name)) {
        throw new IllegalArgumentException("two %s are called '%s'".formatted(what, name));
      }
    }
  }

  /** In a folder of their own; TensorFlow allows few characters. */
  private static String nodeName(String weight, int index) {
    return "weights/%s_%d".formatted(weight.replaceAll("[^A-Za-z0-9_.-]", "_"), index);
  }
}
