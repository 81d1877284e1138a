package dev.gamelan.onnx.read;

import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.AttributeProto;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The names that nodes of one graph see: those of the graph and, in the branches and bodies of
 * control flow, those around it. A function sees its own only.
 *
 * @param opsets the version of each domain that the nodes are written for
 * @param attributes in a function: what its call says
 */
record Scope(
    @Nullable Scope parent,
    Block block,
    int depth,
    Map<String, Long> opsets,
    Map<String, AttributeProto> attributes,
    Map<String, Operand> values) {
  /** Bodies and functions in one another; deeper ones are taken for an attack on the stack. */
  private static final int MAX_DEPTH = 64;

  Scope {
    if (depth > MAX_DEPTH) {
      throw new OnnxException(
          "graphs and functions are nested more than %d deep; does a function call itself?"
              .formatted(MAX_DEPTH));
    }
  }

  static Scope root(Block block, Map<String, Long> opsets) {
    return new Scope(null, block, 0, opsets, Map.of(), new HashMap<>());
  }

  /** Of a branch or body, whose nodes go to {@code block}. */
  Scope nested(Block inner) {
    return new Scope(this, inner, depth + 1, opsets, attributes, new HashMap<>());
  }

  /** Of a function that is called here. */
  Scope function(Map<String, Long> versions, Map<String, AttributeProto> given) {
    return new Scope(null, block, depth + 1, versions, given, new HashMap<>());
  }

  /** The same names for nodes that go to another block. */
  Scope in(Block other) {
    return new Scope(parent, other, depth, opsets, attributes, values);
  }

  @Nullable Operand find(String name) {
    for (Scope scope = this; scope != null; scope = scope.parent) {
      var operand = scope.values.get(name);
      if (operand != null) return operand;
    }
    return null;
  }

  void bind(String name, Operand operand) {
    if (!name.isEmpty()) values.put(name, operand);
  }
}
