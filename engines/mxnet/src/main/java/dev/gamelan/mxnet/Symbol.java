package dev.gamelan.mxnet;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes a symbol, MXNet's graph, as its JSON: nodes in order, each with one result. */
final class Symbol {
  private final List<String> nodes = new ArrayList<>();
  private final List<Integer> variables = new ArrayList<>();
  private final List<Integer> heads = new ArrayList<>();
  private final Map<Literal, Integer> constants = new LinkedHashMap<>();
  private final List<String> inputNames;

  /**
   * @param inputNames all different
   */
  Symbol(List<String> inputNames) {
    this.inputNames = inputNames;
  }

  int input(int index, TensorType type) {
    return variable(
        inputNames.get(index),
        Map.of(
            "__shape__", tuple(Array.stored(type).toList()),
            "__dtype__", DataTypes.number(type.dtype())));
  }

  /** What is a further argument of every run. */
  int constant(Literal literal) {
    return constants.computeIfAbsent(
        literal, _ -> variable(constantName(constants.size()), Map.of()));
  }

  /** In the order of their names. */
  List<Literal> constants() {
    return List.copyOf(constants.keySet());
  }

  /** As no input is called. */
  String constantName(int index) {
    var name = "c" + index;
    while (inputNames.contains(name)) name += "_";
    return name;
  }

  private int variable(String name, Map<String, ?> attributes) {
    variables.add(nodes.size());
    return add("null", name, attributes);
  }

  int op(String op, Map<String, ?> attributes, int... operands) {
    return add(op, "n" + nodes.size(), attributes, operands);
  }

  int op(String op, int... operands) {
    return op(op, Map.of(), operands);
  }

  private int add(String op, String name, Map<String, ?> attributes, int... operands) {
    var inputs = new ArrayList<String>();
    for (int operand : operands) inputs.add(entry(operand));
    var attrs =
        attributes.entrySet().stream()
            .map(e -> "\"%s\":\"%s\"".formatted(e.getKey(), e.getValue()))
            .collect(Collectors.joining(","));
    nodes.add(
        "{\"op\":\"%s\",\"name\":\"%s\",\"attrs\":{%s},\"inputs\":[%s]}"
            .formatted(op, name, attrs, String.join(",", inputs)));
    return nodes.size() - 1;
  }

  void output(int node) {
    heads.add(node);
  }

  /** A result that is called {@code name}. */
  void output(int node, String name) {
    heads.add(add("_copy", name, Map.of(), node));
  }

  private static String entry(int node) {
    return "[%d,0,0]".formatted(node);
  }

  /** As MXNet's attributes want it: (2,3), and (2,) for one. */
  static String tuple(Collection<? extends Number> numbers) {
    var text = numbers.stream().map(Object::toString).collect(Collectors.joining(","));
    return numbers.size() == 1 ? "(" + text + ",)" : "(" + text + ")";
  }

  String json() {
    var rows = new ArrayList<Integer>();
    for (int i = 0; i <= nodes.size(); i++) rows.add(i);
    return """
        {"nodes":[%s],"arg_nodes":%s,"node_row_ptr":%s,"heads":[%s],\
        "attrs":{"mxnet_version":["int",10900]}}"""
        .formatted(
            String.join(",\n", nodes),
            variables,
            rows,
            heads.stream().map(Symbol::entry).collect(Collectors.joining(",")));
  }
}
