package dev.gamelan.pytorch;

import dev.gamelan.engine.Device;
import dev.gamelan.ir.Literal;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The source of a {@code forward} as it is written, statement by statement. Constants become
 * arguments after the inputs.
 */
@SuppressWarnings("AnnotateFormatMethod") // Its annotation would be a dependency.
final class TorchScript {
  private final String device;
  private final int inputs;
  private final StringBuilder body = new StringBuilder();
  private final Map<Literal, String> constants = new LinkedHashMap<>();
  private final List<String> outputs = new ArrayList<>();
  private final List<OptionalInt> places = new ArrayList<>();
  private String indent = "    ";
  private int names;

  /**
   * @param device in PyTorch's words, where tensors are made
   */
  TorchScript(String device, int inputs) {
    this.device = device;
    this.inputs = inputs;
  }

  String input(int index) {
    return "x" + index;
  }

  /** Assigns what a format gives to a new name, which it returns. */
  String let(String format, Object... arguments) {
    var name = name();
    line("%s = %s".formatted(name, format.formatted(arguments)));
    return name;
  }

  String name() {
    return "v" + names++;
  }

  void line(String format, Object... arguments) {
    body.append(indent)
        .append(arguments.length == 0 ? format : format.formatted(arguments))
        .append('\n');
  }

  /** Statements under a header such as {@code for i in range(3):}. */
  void block(String header, Runnable statements) {
    line(header);
    var outer = indent;
    indent = outer + "  ";
    statements.run();
    indent = outer;
  }

  void output(String name) {
    outputs.add(name);
    places.add(OptionalInt.empty());
  }

  /** An output that {@code forward} leaves in an input's tensor and does not give back. */
  void outputIn(int input) {
    places.add(OptionalInt.of(input));
  }

  /** For each of the graph's outputs the input in whose tensor it is, if it is not given back. */
  List<OptionalInt> places() {
    return List.copyOf(places);
  }

  /** A tensor of the literal's type. */
  String constant(Literal literal) {
    return constants.computeIfAbsent(literal, unseen -> "k" + constants.size());
  }

  /** A tensor without axes. */
  String constant(Scalar scalar) {
    return constant(Literal.of(TensorType.of(scalar.dtype()), List.of(scalar)));
  }

  /** A new tensor that is written later. */
  String empty(TensorType type) {
    return let(
        "torch.empty(%s, dtype=%d, layout=None, device=%s, pin_memory=None)",
        list(type.shape().toList()), ScalarTypes.code(type.dtype()), deviceExpression());
  }

  String full(TensorType type, Scalar value) {
    return let(
        "torch.clone(torch.expand(%s, %s), memory_format=0)",
        constant(value), list(type.shape().toList()));
  }

  String zeros(TensorType type) {
    return full(type, Scalar.of(type.dtype(), 0L));
  }

  /** 0, 1, … as i64. */
  String range(long length) {
    return let(
        "torch.arange(%d, dtype=4, layout=None, device=%s, pin_memory=None)",
        length, deviceExpression());
  }

  boolean isOnHost() {
    return device.equals("cpu");
  }

  private String deviceExpression() {
    return "torch.device(\"%s\")".formatted(device);
  }

  static String list(Collection<? extends Number> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
  }

  static String list(long... numbers) {
    return list(Arrays.stream(numbers).boxed().toList());
  }

  /**
   * What a tensor that {@code forward} reads is called outside of its body.
   *
   * @param attribute whether it is the module's, not an argument
   */
  record Argument(String name, boolean attribute) {}

  /** All of {@code forward}, with constants as its last arguments and a list as its result. */
  String source() {
    var parameters =
        Stream.concat(IntStream.range(0, inputs).mapToObj(this::input), constants.values().stream())
            .map(TorchScript::parameter)
            .collect(Collectors.joining());
    var result =
        outputs.isEmpty()
            ? "annotate(List[Tensor], [])"
            : outputs.stream().collect(Collectors.joining(", ", "[", "]"));
    return method(parameters, "List[Tensor]", body.toString(), result);
  }

  /**
   * All of {@code forward} for other programs: a tensor or a tuple is its result.
   *
   * @param arguments for the inputs, and after them for the constants
   */
  String source(List<Argument> arguments) {
    var names = new ArrayList<>(IntStream.range(0, inputs).mapToObj(this::input).toList());
    names.addAll(constants.values());
    var parameters = new StringBuilder();
    var statements = new StringBuilder();
    for (int i = 0; i < names.size(); i++) {
      var argument = arguments.get(i);
      if (!argument.attribute()) parameters.append(parameter(argument.name()));
      var from = argument.attribute() ? "self." + argument.name() : argument.name();
      statements.append("    %s = %s\n".formatted(names.get(i), from));
    }
    boolean one = outputs.size() == 1;
    var types =
        "Tuple[%s]".formatted(String.join(", ", outputs.stream().map(x -> "Tensor").toList()));
    var result = String.join(", ", outputs);
    return method(
        parameters.toString(),
        one ? "Tensor" : types,
        statements.append(body).toString(),
        one ? result : "(" + result + ")");
  }

  private static String parameter(String name) {
    return ",\n    %s: Tensor".formatted(name);
  }

  private static String method(String parameters, String type, String body, String result) {
    return "  def forward(self: __torch__.M%s) -> %s:\n%s    return %s\n"
        .formatted(parameters, type, body, result);
  }

  /** In the order of the arguments. */
  List<Literal> constants() {
    return List.copyOf(constants.keySet());
  }

  /** The constants' tensors, in the order of the arguments; the caller closes them. */
  List<PyTorchBuffer> constants(Device on) {
    var buffers = new ArrayList<PyTorchBuffer>();
    for (var literal : constants.keySet()) {
      var buffer = PyTorchBuffer.tensor(literal.type(), on);
      buffer.write(MemorySegment.ofBuffer(literal.bytes()));
      buffers.add(buffer);
    }
    return buffers;
  }
}
