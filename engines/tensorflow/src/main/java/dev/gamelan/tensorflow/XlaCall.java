package dev.gamelan.tensorflow;

import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A node that runs a StableHLO module: it calls a function that XLA must compile, in which the op
 * XlaCallModule holds the module's text.
 */
final class XlaCall {
  private static final String MODULE_NODE = "module";

  /** Of the op, the last that TensorFlow 2.18 knows. */
  private static final int MODULE_VERSION = 9;

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
  private static final String MUST_COMPILE = "_XlaMustCompile";

  private XlaCall() {}

  /** The names of its results. */
  static List<String> add(
      GraphWriter graph,
      String stableHlo,
      List<String> operands,
      List<TensorType> inputs,
      List<TensorType> outputs) {
    var name = graph.nextFunction();
    graph.function(function(name, stableHlo, inputs, outputs));
    var attributes =
        Attributes.none()
            .types("Tin", inputs)
            .types("Tout", outputs)
            .function("f", name)
            .flag(MUST_COMPILE, true);
    var call = graph.op("PartitionedCall", attributes, operands.toArray(String[]::new));
    return IntStream.range(0, outputs.size()).mapToObj(i -> call + ":" + i).toList();
  }

  private static ProtoWriter function(
      String name, String stableHlo, List<TensorType> inputs, List<TensorType> outputs) {
    var signature = new ProtoWriter().text(SIGNATURE_NAME, name);
    for (int i = 0; i < inputs.size(); i++) {
      signature.message(SIGNATURE_INPUT, argument("x" + i, inputs.get(i)));
    }
    for (int i = 0; i < outputs.size(); i++) {
      signature.message(SIGNATURE_OUTPUT, argument("y" + i, outputs.get(i)));
    }
    signature.number(SIGNATURE_IS_STATEFUL, 1);
    var operands = IntStream.range(0, inputs.size()).mapToObj(i -> "x" + i).toList();
    var module =
        Attributes.none()
            .integer("version", MODULE_VERSION)
            .text("module", stableHlo)
            .types("Tin", inputs)
            .types("Tout", outputs)
            .shapes("Sout", outputs)
            .texts("platforms", List.of("CPU"));
    var function =
        new ProtoWriter()
            .message(FUNCTION_SIGNATURE, signature)
            .message(
                FUNCTION_NODE, GraphWriter.node(MODULE_NODE, "XlaCallModule", module, operands));
    for (int i = 0; i < outputs.size(); i++) {
      var result = "%s:output:%d".formatted(MODULE_NODE, i);
      function.message(FUNCTION_RESULT, new ProtoWriter().text(1, "y" + i).text(2, result));
    }
    Attributes.none()
        .flag(MUST_COMPILE, true)
        .values()
        .forEach((key, value) -> function.entry(FUNCTION_ATTRIBUTE, key, value));
    return function;
  }

  private static ProtoWriter argument(String name, TensorType type) {
    return new ProtoWriter()
        .text(ARGUMENT_NAME, name)
        .number(ARGUMENT_TYPE, DataTypes.number(type.dtype()));
  }
}
