package dev.gamelan.tensorflow;

import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * A GraphDef that runs a StableHLO module: placeholders x0, x1, …, and a call of a function that
 * XLA must compile, in which the op XlaCallModule holds the module's text.
 */
final class XlaGraph {
  static final String CALL = "call";

  private static final String FUNCTION = "program";
  private static final String MODULE_NODE = "module";

  /** Of the op, the last that TensorFlow 2.18 knows. */
  private static final int MODULE_VERSION = 9;

  private static final int GRAPH_NODE = 1;
  private static final int GRAPH_LIBRARY = 2;
  private static final int LIBRARY_FUNCTION = 1;
  private static final int NODE_NAME = 1;
  private static final int NODE_OP = 2;
  private static final int NODE_INPUT = 3;
  private static final int NODE_ATTRIBUTE = 5;
  private static final int FUNCTION_SIGNATURE = 1;
  private static final int FUNCTION_NODE = 3;
  private static final int FUNCTION_RESULT = 4;
  private static final int FUNCTION_ATTRIBUTE = 5;
  private static final int SIGNATURE_NAME = 1;
  private static final int SIGNATURE_INPUT = 2;
  private static final int SIGNATURE_OUTPUT = 3;
  private static final int SIGNATURE_IS_STATEFUL = 17;
  private static final int ARGUMENT_NAME = 1;
  private static final int ARGUMENT_TYPE = 3;
  private static final int VALUE_LIST = 1;
  private static final int VALUE_TEXT = 2;
  private static final int VALUE_INTEGER = 3;
  private static final int VALUE_BOOL = 5;
  private static final int VALUE_TYPE = 6;
  private static final int VALUE_FUNCTION = 10;
  private static final int LIST_TEXT = 2;
  private static final int LIST_TYPE = 6;
  private static final int LIST_SHAPE = 7;

  private static final String MUST_COMPILE = "_XlaMustCompile";

  private XlaGraph() {}

  static String input(int index) {
    return "x" + index;
  }

  private static String output(int index) {
    return "y" + index;
  }

  static byte[] of(String stableHlo, List<TensorType> inputs, List<TensorType> outputs) {
    var graph = new ProtoWriter();
    for (int i = 0; i < inputs.size(); i++) {
      var placeholder =
          new ProtoWriter()
              .text(NODE_NAME, input(i))
              .text(NODE_OP, "Placeholder")
              .entry(NODE_ATTRIBUTE, "dtype", dtype(inputs.get(i)));
      graph.message(GRAPH_NODE, placeholder);
    }
    graph.message(GRAPH_NODE, call(inputs, outputs));
    var library = new ProtoWriter().message(LIBRARY_FUNCTION, function(stableHlo, inputs, outputs));
    return graph.message(GRAPH_LIBRARY, library).toBytes();
  }

  private static ProtoWriter call(List<TensorType> inputs, List<TensorType> outputs) {
    var node = new ProtoWriter().text(NODE_NAME, CALL).text(NODE_OP, "PartitionedCall");
    for (int i = 0; i < inputs.size(); i++) node.text(NODE_INPUT, input(i));
    var function =
        new ProtoWriter().message(VALUE_FUNCTION, new ProtoWriter().text(NODE_NAME, FUNCTION));
    return node.entry(NODE_ATTRIBUTE, "Tin", dtypes(inputs))
        .entry(NODE_ATTRIBUTE, "Tout", dtypes(outputs))
        .entry(NODE_ATTRIBUTE, "f", function)
        .entry(NODE_ATTRIBUTE, MUST_COMPILE, yes());
  }

  private static ProtoWriter function(
      String stableHlo, List<TensorType> inputs, List<TensorType> outputs) {
    var signature = new ProtoWriter().text(SIGNATURE_NAME, FUNCTION);
    for (int i = 0; i < inputs.size(); i++) {
      signature.message(SIGNATURE_INPUT, argument(input(i), inputs.get(i)));
    }
    for (int i = 0; i < outputs.size(); i++) {
      signature.message(SIGNATURE_OUTPUT, argument(output(i), outputs.get(i)));
    }
    signature.number(SIGNATURE_IS_STATEFUL, 1);
    var function =
        new ProtoWriter()
            .message(FUNCTION_SIGNATURE, signature)
            .message(FUNCTION_NODE, module(stableHlo, inputs, outputs));
    for (int i = 0; i < outputs.size(); i++) {
      var result = "%s:output:%d".formatted(MODULE_NODE, i);
      function.message(FUNCTION_RESULT, new ProtoWriter().text(1, output(i)).text(2, result));
    }
    return function.entry(FUNCTION_ATTRIBUTE, MUST_COMPILE, yes());
  }

  private static ProtoWriter argument(String name, TensorType type) {
    return new ProtoWriter()
        .text(ARGUMENT_NAME, name)
        .number(ARGUMENT_TYPE, DataTypes.number(type.dtype()));
  }

  private static ProtoWriter module(
      String stableHlo, List<TensorType> inputs, List<TensorType> outputs) {
    var node = new ProtoWriter().text(NODE_NAME, MODULE_NODE).text(NODE_OP, "XlaCallModule");
    for (int i = 0; i < inputs.size(); i++) node.text(NODE_INPUT, input(i));
    var platforms = list(new ProtoWriter().text(LIST_TEXT, "CPU"));
    return node.entry(
            NODE_ATTRIBUTE, "version", new ProtoWriter().number(VALUE_INTEGER, MODULE_VERSION))
        .entry(NODE_ATTRIBUTE, "module", new ProtoWriter().text(VALUE_TEXT, stableHlo))
        .entry(NODE_ATTRIBUTE, "Tin", dtypes(inputs))
        .entry(NODE_ATTRIBUTE, "Tout", dtypes(outputs))
        .entry(NODE_ATTRIBUTE, "Sout", shapes(outputs))
        .entry(NODE_ATTRIBUTE, "platforms", platforms);
  }

  // ---- attributes

  private static ProtoWriter list(ProtoWriter elements) {
    return new ProtoWriter().message(VALUE_LIST, elements);
  }

  private static ProtoWriter yes() {
    return new ProtoWriter().number(VALUE_BOOL, 1);
  }

  private static ProtoWriter dtype(TensorType type) {
    return new ProtoWriter().number(VALUE_TYPE, DataTypes.number(type.dtype()));
  }

  private static ProtoWriter dtypes(List<TensorType> types) {
    var elements = new ProtoWriter();
    for (var type : types) elements.number(LIST_TYPE, DataTypes.number(type.dtype()));
    return list(elements);
  }

  private static ProtoWriter shapes(List<TensorType> types) {
    var elements = new ProtoWriter();
    for (var type : types) {
      var shape = new ProtoWriter();
      for (long dim : type.shape().dims()) shape.message(2, new ProtoWriter().number(1, dim));
      elements.message(LIST_SHAPE, shape);
    }
    return list(elements);
  }
}
