package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.AttributeProto;
import dev.gamelan.onnx.proto.ElementType;
import dev.gamelan.onnx.proto.NodeProto;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** One node of an ONNX graph as its {@link Operator} sees it: operands, attributes, a builder. */
final class OpContext {
  private static final long MAX_ELEMENTS = 1 << 22;

  final GraphBuilder g;
  private final Importer importer;
  private final Scope scope;
  private final NodeProto node;

  OpContext(Importer importer, Scope scope, NodeProto node) {
    this.importer = importer;
    this.scope = scope;
    this.node = node;
    this.g = scope.block().g;
  }

  Importer importer() {
    return importer;
  }

  Scope scope() {
    return scope;
  }

  NodeProto node() {
    return node;
  }

  /** The version of the node's domain. */
  long opset() {
    return scope.opsets().getOrDefault(node.domain(), 1L);
  }

  /** The same node, appending to another block. */
  OpContext in(Block block) {
    return new OpContext(importer, scope.in(block), node);
  }

  // ---- operands

  int inputs() {
    return node.inputs().size();
  }

  int outputs() {
    return node.outputs().size();
  }

  /** Whether an optional output is asked for. */
  boolean hasOutput(int index) {
    return index < outputs() && !node.outputs().get(index).isEmpty();
  }

  /** Whether an optional input is given. */
  boolean has(int index) {
    return index < inputs()
        && !node.inputs().get(index).isEmpty()
        && !(operand(index) instanceof Operand.Missing);
  }

  Operand operand(int index) {
    if (index >= inputs() || node.inputs().get(index).isEmpty()) {
      throw error("needs input %d, which is not given".formatted(index));
    }
    var name = node.inputs().get(index);
    var operand = scope.find(name);
    if (operand == null) {
      throw error("uses '%s', which nothing before it gives".formatted(name));
    }
    return operand;
  }

  Operand computed(Value value) {
    return scope.block().computed(value);
  }

  Value value(Operand operand) {
    return scope.block().value(operand);
  }

  Value x(int index) {
    return value(operand(index));
  }

  /** The inputs from {@code from} on. */
  List<Value> xs(int from) {
    return IntStream.range(from, inputs()).mapToObj(this::x).toList();
  }

  Optional<Value> optional(int index) {
    return has(index) ? Optional.of(x(index)) : Optional.empty();
  }

  TensorType type(int index) {
    return operand(index).type();
  }

  // ---- operands that have to be known

  /** Of an input that says a shape, an axis or a size. */
  Array host(int index) {
    return importer.host(operand(index), this);
  }

  /** Of an input that is data: its numbers differ at every call. */
  Array data(int index) {
    return importer.data(operand(index), this);
  }

  long[] longs(int index) {
    var array = host(index);
    if (array.type().dtype().isFloat()) {
      throw error("needs integers for input %d; got %s".formatted(index, array.type()));
    }
    return array.integers();
  }

  /** The elements of any dtype. */
  double[] doubles(int index) {
    return doubles(host(index));
  }

  static double[] doubles(Array array) {
    return array.type().dtype().isFloat()
        ? array.floats()
        : LongStream.of(array.integers()).mapToDouble(array.type().dtype()::toDouble).toArray();
  }

  /** The only element of a known integer. */
  long longAt(int index) {
    return single(index, longs(index).length) ? longs(index)[0] : 0;
  }

  double doubleAt(int index) {
    return single(index, doubles(index).length) ? doubles(index)[0] : 0;
  }

  private boolean single(int index, int count) {
    if (count != 1)
      throw error("needs one element for input %d; got %s".formatted(index, type(index)));
    return true;
  }

  // ---- attributes

  boolean hasAttribute(String name) {
    return attribute(name) != null;
  }

  @Nullable AttributeProto attribute(String name) {
    var attribute = node.attributes().get(name);
    if (attribute == null || attribute.reference().isEmpty()) return attribute;
    return scope.attributes().get(attribute.reference());
  }

  AttributeProto required(String name) {
    var attribute = attribute(name);
    if (attribute == null) throw error("needs the attribute '%s'".formatted(name));
    return attribute;
  }

  long integer(String name, long otherwise) {
    var attribute = attribute(name);
    return attribute == null ? otherwise : attribute.integer();
  }

  boolean flag(String name, boolean otherwise) {
    return integer(name, otherwise ? 1 : 0) != 0;
  }

  double number(String name, double otherwise) {
    var attribute = attribute(name);
    return attribute == null ? otherwise : attribute.number();
  }

  String text(String name, String otherwise) {
    var attribute = attribute(name);
    return attribute == null ? otherwise : attribute.string();
  }

  /** The integers of an attribute, or null. */
  long @Nullable [] integers(String name) {
    var attribute = attribute(name);
    if (attribute == null) return null;
    return attribute.integers().stream().mapToLong(Long::longValue).toArray();
  }

  List<Long> integers(String name, List<Long> otherwise) {
    var attribute = attribute(name);
    return attribute == null ? otherwise : attribute.integers();
  }

  List<Float> numbers(String name, List<Float> otherwise) {
    var attribute = attribute(name);
    return attribute == null ? otherwise : attribute.numbers();
  }

  /** The dtype of the standard's number {@code number}. */
  DType dtype(long number) {
    return ElementType.dtype((int) number)
        .orElseThrow(
            () ->
                error(
                    "has elements of %s, which Gamelan has not"
                        .formatted(ElementType.name((int) number))));
  }

  // ---- axes and shapes

  /** An axis of {@code shape}, counted from the front. */
  int axis(long axis, Shape shape) {
    return axis(axis, shape.rank());
  }

  int axis(long axis, int rank) {
    long fromFront = axis < 0 ? axis + rank : axis;
    if (fromFront < 0 || fromFront >= rank) {
      throw error("axis %d is outside of rank %d".formatted(axis, rank));
    }
    return (int) fromFront;
  }

  List<Integer> axes(long[] axes, int rank) {
    return LongStream.of(axes).mapToObj(axis -> axis(axis, rank)).toList();
  }

  /** The length of an array that the import makes: a file's numbers do not fill memory. */
  int length(long elements) {
    if (elements < 0 || elements > MAX_ELEMENTS) {
      throw error(
          "needs %d numbers at import; at most %d are allowed".formatted(elements, MAX_ELEMENTS));
    }
    return (int) elements;
  }

  /** What the node is and what is wrong with it. */
  OnnxException error(String problem) {
    return new OnnxException(describe() + ": " + problem);
  }

  /** Such as {@code Conv 'conv1' (ai.onnx 21)}. */
  String describe() {
    var name = node.name().isEmpty() ? String.join(", ", node.outputs()) : node.name();
    return "%s '%s' (%s %d)"
        .formatted(
            node.opType(), name, node.domain().isEmpty() ? "ai.onnx" : node.domain(), opset());
  }
}
