package dev.gamelan.tensorflow;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes a GraphDef. Nodes are known by their names: those are what operands and results are. */
final class GraphWriter {
  private static final int NODE = 1;
  private static final int LIBRARY = 2;
  private static final int VERSIONS = 4;
  private static final int PRODUCER = 1;
  private static final int LIBRARY_FUNCTION = 1;
  private static final int NODE_NAME = 1;
  private static final int NODE_OP = 2;
  private static final int NODE_INPUT = 3;
  private static final int NODE_ATTRIBUTE = 5;

  /** Of the format, that of TensorFlow 2.16. */
  private static final int PRODUCER_VERSION = 1645;

  private final ProtoWriter graph = new ProtoWriter();
  private final ProtoWriter library = new ProtoWriter();
  private final StringBuilder text = new StringBuilder();
  private final Map<Literal, String> constants = new HashMap<>();
  private int nodes;
  private int functions;

  /** What a run is given. */
  String placeholder(String name, TensorType type) {
    var shape = type.dtype().isStorage() ? Shape.of(type.bytes()) : type.shape();
    var attributes = Attributes.none().type("dtype", type.dtype()).shape("shape", shape);
    return add(name, "Placeholder", attributes);
  }

  String constant(Literal literal) {
    return constants.computeIfAbsent(
        literal,
        _ ->
            op(
                "Const",
                Attributes.none().type("dtype", literal.type().dtype()).tensor("value", literal)));
  }

  /** Of any size; the bytes are copied. */
  String constant(String name, TensorType type, MemorySegment bytes) {
    var attributes = Attributes.none().type("dtype", type.dtype()).tensor("value", type, bytes);
    return add(name, "Const", attributes);
  }

  /** Result {@code index} of a node with several is {@code NAME:index}. */
  String op(String op, Attributes attributes, String... operands) {
    return add("n" + nodes++, op, attributes, operands);
  }

  private String add(String name, String op, Attributes attributes, String... operands) {
    graph.message(NODE, node(name, op, attributes, List.of(operands)));
    text.append("%s = %s(%s)%n".formatted(name, op, String.join(", ", operands)));
    return name;
  }

  /** The message NodeDef. */
  static ProtoWriter node(String name, String op, Attributes attributes, List<String> operands) {
    var node = new ProtoWriter().text(NODE_NAME, name).text(NODE_OP, op);
    operands.forEach(operand -> node.text(NODE_INPUT, operand));
    attributes.values().forEach((key, value) -> node.entry(NODE_ATTRIBUTE, key, value));
    return node;
  }

  String nextFunction() {
    return "f" + functions++;
  }

  /**
   * @param function a FunctionDef
   */
  void function(ProtoWriter function) {
    library.message(LIBRARY_FUNCTION, function);
  }

  /** The message GraphDef. */
  ProtoWriter message() {
    return new ProtoWriter()
        .append(graph)
        .message(LIBRARY, library)
        .message(VERSIONS, new ProtoWriter().number(PRODUCER, PRODUCER_VERSION));
  }

  /** A line for each node. */
  @Override
  public String toString() {
    return text.toString();
  }
}
