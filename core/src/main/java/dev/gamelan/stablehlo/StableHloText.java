package dev.gamelan.stablehlo;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** StableHLO as it is written, op by op, in the generic syntax. */
final class StableHloText {
  /** A value: its name, and its type as MLIR writes it. */
  record Ssa(String name, String type) {}

  private final StringBuilder text = new StringBuilder();
  private String indent = "    ";
  private int names;

  /** What was written. */
  String body() {
    return text.toString();
  }

  static String type(TensorType type) {
    return type(type.shape(), element(type.dtype()));
  }

  private static String type(Shape shape, String element) {
    return shape.toList().stream()
        .map(dim -> dim + "x")
        .collect(Collectors.joining("", "tensor<", element + ">"));
  }

  /** Of real and imaginary parts of type {@code part}. */
  static String complex(TensorType part) {
    return type(part.shape(), "complex<%s>".formatted(element(part.dtype())));
  }

  static String element(DType dtype) {
    return switch (dtype) {
      case F32, F64, F16, BF16 -> dtype.toString();
      case I8, I16, I32, I64, I4, I2 -> dtype.toString();
      case U8, U16, U32, U64, U4, U2 -> "u" + dtype.toString().replace('u', 'i');
      case BOOL -> "i1";
      case F8E4M3FN -> "f8E4M3FN";
      case F8E5M2 -> "f8E5M2";
      case F8E4M3FNUZ -> "f8E4M3FNUZ";
      case F8E5M2FNUZ -> "f8E5M2FNUZ";
      case F8E8M0 -> "f8E8M0FNU";
      case F4E2M1 -> "f4E2M1FN";
    };
  }

  Ssa op(String name, TensorType result, Ssa... operands) {
    return op(name, "", type(result), operands);
  }

  /**
   * @param attributes between the braces of the properties, or nothing
   */
  Ssa op(String name, String attributes, String result, Ssa... operands) {
    return ops(name, attributes, List.of(), List.of(result), List.of(operands)).getFirst();
  }

  List<Ssa> ops(
      String name,
      String attributes,
      List<String> regions,
      List<String> results,
      List<Ssa> operands) {
    var id = "%" + names++;
    var line = new StringBuilder(indent);
    if (!results.isEmpty()) {
      line.append(id).append(results.size() > 1 ? ":" + results.size() : "").append(" = ");
    }
    line.append('"').append(name).append('"').append(names(operands));
    if (!attributes.isEmpty()) line.append(" <{").append(attributes).append("}>");
    if (!regions.isEmpty()) {
      line.append(regions.stream().collect(Collectors.joining(", ", " (", ")")));
    }
    line.append(" : ").append(types(operands)).append(" -> ");
    line.append(results.stream().collect(Collectors.joining(", ", "(", ")")));
    text.append(line).append('\n');
    var values = new ArrayList<Ssa>();
    for (int i = 0; i < results.size(); i++) {
      values.add(new Ssa(results.size() > 1 ? id + "#" + i : id, results.get(i)));
    }
    return values;
  }

  /** A region whose block has arguments of {@code types}, and returns what {@code body} gives. */
  String region(List<String> types, UnaryOperator<List<Ssa>> body) {
    int begin = text.length();
    var outer = indent;
    indent = outer + "  ";
    var arguments = types.stream().map(type -> new Ssa("%" + names++, type)).toList();
    text.append("{\n");
    if (!arguments.isEmpty()) {
      text.append(outer)
          .append("^bb0")
          .append(
              arguments.stream()
                  .map(argument -> argument.name() + ": " + argument.type())
                  .collect(Collectors.joining(", ", "(", ")")))
          .append(":\n");
    }
    var results = body.apply(arguments);
    text.append(
        "%s\"stablehlo.return\"%s : %s -> ()%n".formatted(indent, names(results), types(results)));
    text.append(outer).append('}');
    var region = text.substring(begin);
    text.setLength(begin);
    indent = outer;
    return region;
  }

  static String names(List<Ssa> values) {
    return values.stream().map(Ssa::name).collect(Collectors.joining(", ", "(", ")"));
  }

  static String types(List<Ssa> values) {
    return values.stream().map(Ssa::type).collect(Collectors.joining(", ", "(", ")"));
  }

  // ---- constants

  Ssa constant(Literal literal) {
    return constant(literal.type(), elements(literal));
  }

  /** Every element is {@code value}. */
  Ssa splat(TensorType type, Scalar value) {
    if (type.size() == 0) return constant(type, "");
    return constant(type, elements(Literal.of(TensorType.of(type.dtype()), List.of(value))));
  }

  Ssa splat(TensorType type, long value) {
    return splat(type, Scalar.of(type.dtype(), value));
  }

  private Ssa constant(TensorType type, String elements) {
    var value = "value = dense<%s> : %s".formatted(elements, type(type));
    return op("stablehlo.constant", value, type(type));
  }

  /** Bytes as they lie in memory; MLIR packs bools, so they are spelled out. */
  private static String elements(Literal literal) {
    if (literal.type().size() == 0) return "";
    if (literal.type().dtype().isBool()) return bools(literal, literal.type().shape().dims(), 0, 0);
    var bytes = new byte[literal.bytes().remaining()];
    literal.bytes().get(bytes);
    return "\"0x%s\"".formatted(HexFormat.of().withUpperCase().formatHex(bytes));
  }

  private static String bools(Literal literal, long[] dims, int axis, int from) {
    if (axis == dims.length) return literal.element(from).bits() != 0 ? "true" : "false";
    int step = 1;
    for (int i = axis + 1; i < dims.length; i++) step *= (int) dims[i];
    int stride = step;
    return Stream.iterate(0, i -> i + 1)
        .limit(dims[axis])
        .map(i -> bools(literal, dims, axis + 1, from + i * stride))
        .collect(Collectors.joining(", ", "[", "]"));
  }

  // ---- attributes

  static String array(Collection<? extends Number> numbers) {
    if (numbers.isEmpty()) return "array<i64>";
    return numbers.stream()
        .map(String::valueOf)
        .collect(Collectors.joining(", ", "array<i64: ", ">"));
  }

  static String array(long... numbers) {
    return array(Arrays.stream(numbers).boxed().toList());
  }

  static String list(Collection<Integer> axes) {
    return axes.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
  }

  /** Low and high padding of each axis. */
  static String padding(List<Long> low, List<Long> high) {
    var rows = new ArrayList<String>();
    for (int i = 0; i < low.size(); i++) rows.add("[%d, %d]".formatted(low.get(i), high.get(i)));
    return "dense<[%s]> : tensor<%dx2xi64>".formatted(String.join(", ", rows), low.size());
  }
}
