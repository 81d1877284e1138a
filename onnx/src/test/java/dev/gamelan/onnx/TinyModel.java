package dev.gamelan.onnx;

import dev.gamelan.io.ProtoWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes small models message by message, wrong ones too. */
final class TinyModel {
  private static final int FLOAT = 1;
  private static final int INT64 = 7;

  private final List<ProtoWriter> nodes = new ArrayList<>();
  private final List<ProtoWriter> initializers = new ArrayList<>();
  private final List<ProtoWriter> inputs = new ArrayList<>();
  private final List<ProtoWriter> outputs = new ArrayList<>();
  private final List<ProtoWriter> functions = new ArrayList<>();

  static ProtoWriter node(
      String operator, List<String> inputs, List<String> outputs, ProtoWriter... attributes) {
    var node = new ProtoWriter();
    inputs.forEach(name -> node.text(1, name));
    outputs.forEach(name -> node.text(2, name));
    node.text(3, "the " + operator).text(4, operator);
    for (var attribute : attributes) node.message(5, attribute);
    return node;
  }

  TinyModel node(String operator, String input, String output, ProtoWriter... attributes) {
    nodes.add(node(operator, List.of(input.split(",")), List.of(output), attributes));
    return this;
  }

  TinyModel add(ProtoWriter node) {
    nodes.add(node);
    return this;
  }

  static ProtoWriter integer(String name, long value) {
    return new ProtoWriter().text(1, name).integer(3, value).integer(20, 2);
  }

  static ProtoWriter graph(String name, ProtoWriter value) {
    return new ProtoWriter().text(1, name).message(6, value).integer(20, 5);
  }

  TinyModel integers(String name, long... values) {
    var bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) bytes.putLong(value);
    initializers.add(
        new ProtoWriter()
            .integer(1, values.length)
            .integer(2, INT64)
            .text(8, name)
            .bytes(9, bytes.array()));
    return this;
  }

  /** f32[4] in a file beside the model. */
  TinyModel external(String name, String location, long offset) {
    initializers.add(
        new ProtoWriter()
            .integer(1, 4)
            .integer(2, FLOAT)
            .text(8, name)
            .message(13, new ProtoWriter().text(1, "location").text(2, location))
            .message(13, new ProtoWriter().text(1, "offset").text(2, Long.toString(offset)))
            .integer(14, 1));
    return this;
  }

  static ProtoWriter value(String name, int elementType, Object... dims) {
    var shape = new ProtoWriter();
    for (var dim : dims) {
      shape.message(
          1,
          dim instanceof String text
              ? new ProtoWriter().text(2, text)
              : new ProtoWriter().integer(1, ((Number) dim).longValue()));
    }
    var tensor = new ProtoWriter().integer(1, elementType).message(2, shape);
    return new ProtoWriter().text(1, name).message(2, new ProtoWriter().message(1, tensor));
  }

  TinyModel input(String name, Object... dims) {
    inputs.add(value(name, FLOAT, dims));
    return this;
  }

  TinyModel integerInput(String name, Object... dims) {
    inputs.add(value(name, INT64, dims));
    return this;
  }

  TinyModel output(String name) {
    outputs.add(new ProtoWriter().text(1, name));
    return this;
  }

  /** A function of one input and output. */
  TinyModel function(String name, ProtoWriter... body) {
    var function = new ProtoWriter().text(1, name).text(4, "in").text(5, "out").text(10, "");
    for (var node : body) function.message(7, node);
    functions.add(function.message(9, new ProtoWriter().text(1, "").integer(2, 21)));
    return this;
  }

  ProtoWriter graph() {
    var graph = new ProtoWriter();
    nodes.forEach(node -> graph.message(1, node));
    graph.text(2, "tiny");
    initializers.forEach(tensor -> graph.message(5, tensor));
    inputs.forEach(input -> graph.message(11, input));
    outputs.forEach(output -> graph.message(12, output));
    return graph;
  }

  byte[] bytes(long opset) {
    var model =
        new ProtoWriter()
            .integer(1, 10)
            .message(7, graph())
            .message(8, new ProtoWriter().text(1, "").integer(2, opset));
    functions.forEach(function -> model.message(25, function));
    return model.toByteArray();
  }

  OnnxModel load(Path folder) throws IOException {
    var file = folder.resolve("tiny.onnx");
    Files.write(file, bytes(21));
    return OnnxModel.load(file);
  }
}
