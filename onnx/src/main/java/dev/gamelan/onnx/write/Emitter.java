package dev.gamelan.onnx.write;

import dev.gamelan.io.ProtoWriter;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.ElementType;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Collects the nodes and small constants of one ONNX graph. A value is a name and its type; names
 * are the same in bodies, which see those of the graphs around them.
 */
final class Emitter {
  /** A result of a node, an input, or an initializer. */
  record Name(String text, TensorType type) {
    Shape shape() {
      return type.shape();
    }

    DType dtype() {
      return type.dtype();
    }

    int rank() {
      return type.rank();
    }

    long dim(int axis) {
      return type.dim(axis);
    }
  }

  /** That of i4; the schema's numbers grow with its versions. */
  private static final int NEWEST_ELEMENT_TYPE = 22;

  /** Operators that take bf16 from opset 22 on only; they are written in f32. */
  private static final Set<String> WITHOUT_BF16 =
      Set.of(
          "Elu",
          "Sin",
          "Cos",
          "Atan",
          "Atanh",
          "Round",
          "TopK",
          "AveragePool",
          "MaxPool",
          "Conv",
          "ConvTranspose");

  private final List<ProtoWriter> nodes = new ArrayList<>();
  private final List<ProtoWriter> initializers = new ArrayList<>();
  private final Map<List<Long>, Name> vectors = new HashMap<>();
  private final int[] counter;

  Emitter() {
    this(new int[1]);
  }

  private Emitter(int[] counter) {
    this.counter = counter;
  }

  /** Of a body: names go on counting, so that none hides another. */
  Emitter nested() {
    return new Emitter(counter);
  }

  /**
   * A name for a new value.
   *
   * @throws OnnxException if the opset has no such dtype
   */
  Name fresh(TensorType type) {
    checkDtype(type);
    return new Name("v" + counter[0]++, type);
  }

  static void checkDtype(TensorType type) {
    if (ElementType.of(type.dtype()) > NEWEST_ELEMENT_TYPE) {
      throw new OnnxException(
          "opset %d has no %s, which %s needs; convert to a wider dtype"
              .formatted(ModelWriter.OPSET, type.dtype(), type));
    }
  }

  // ---- nodes

  /** A node of one result. */
  Name node(String operator, TensorType type, List<Name> inputs, Attribute... attributes) {
    return nodes(operator, List.of(type), inputs, attributes).getFirst();
  }

  List<Name> nodes(
      String operator, List<TensorType> types, List<Name> inputs, Attribute... attributes) {
    boolean narrow = !inputs.isEmpty() && inputs.getFirst().dtype() == DType.BF16;
    if (narrow && WITHOUT_BF16.contains(operator)) {
      var wide =
          inputs.stream().map(x -> x.dtype() == DType.BF16 ? cast(x, DType.F32) : x).toList();
      var wideTypes =
          types.stream().map(t -> t.dtype() == DType.BF16 ? t.with(DType.F32) : t).toList();
      var results = nodes(operator, wideTypes, wide, attributes);
      var narrowed = new ArrayList<Name>();
      for (int i = 0; i < types.size(); i++)
        narrowed.add(cast(results.get(i), types.get(i).dtype()));
      return narrowed;
    }
    var outputs = types.stream().map(this::fresh).toList();
    add(operator, inputs.stream().map(Name::text).toList(), outputs, attributes);
    return outputs;
  }

  /** Empty input names are optional inputs that are not given. */
  void add(String operator, List<String> inputs, List<Name> outputs, Attribute... attributes) {
    var node = new ProtoWriter();
    inputs.forEach(input -> node.text(1, input));
    outputs.forEach(output -> node.text(2, output.text()));
    node.text(3, operator + "_" + nodes.size()).text(4, operator);
    for (var attribute : attributes) node.message(5, attribute.message());
    nodes.add(node);
  }

  // ---- constants

  Name constant(TensorType type, byte[] bytes) {
    var name = fresh(type);
    initializers.add(tensor(name.text(), type, bytes));
    return name;
  }

  /** A weight with its elements. */
  void initializer(String name, TensorType type, byte[] bytes) {
    initializers.add(tensor(name, type, bytes));
  }

  /** A weight whose elements lie in another file. */
  void external(String name, TensorType type, String file, long offset) {
    var tensor = header(name, type).integer(14, 1);
    entry(tensor, "location", file);
    entry(tensor, "offset", Long.toString(offset));
    entry(tensor, "length", Long.toString(type.bytes()));
    initializers.add(tensor);
  }

  private static void entry(ProtoWriter tensor, String key, String value) {
    tensor.message(13, new ProtoWriter().text(1, key).text(2, value));
  }

  static ProtoWriter tensor(String name, TensorType type, byte[] bytes) {
    return header(name, type).bytes(9, bytes);
  }

  static ProtoWriter header(String name, TensorType type) {
    var tensor = new ProtoWriter();
    for (long dim : type.shape().dims()) tensor.integer(1, dim);
    return tensor.integer(2, ElementType.of(type.dtype())).text(8, name);
  }

  /** i64, of rank 1. */
  Name vector(long... elements) {
    var key = LongStream.of(elements).boxed().toList();
    return vectors.computeIfAbsent(
        key,
        k -> {
          var bytes =
              ByteBuffer.allocate(elements.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
          for (long element : elements) bytes.putLong(element);
          return constant(TensorType.of(DType.I64, elements.length), bytes.array());
        });
  }

  Name vector(List<? extends Number> elements) {
    return vector(elements.stream().mapToLong(Number::longValue).toArray());
  }

  Name scalar(DType dtype, long value) {
    return scalar(Scalar.of(dtype, value));
  }

  Name scalar(DType dtype, double value) {
    var literal = Scalar.of(dtype, value);
    return scalar(literal);
  }

  Name scalar(Scalar value) {
    var type = new TensorType(value.dtype(), Shape.scalar());
    var buffer = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(value.bits());
    return constant(type, Arrays.copyOf(buffer.array(), (int) type.bytes()));
  }

  // ---- what many ops need

  Name cast(Name x, DType to) {
    if (x.dtype() == to) return x;
    return node(
        "Cast", x.type().with(to), List.of(x), Attribute.of("to", (long) ElementType.of(to)));
  }

  /** Sums, products and the like take no integers of less than 32 bits, which wrap in i32 too. */
  static DType summable(DType dtype) {
    return dtype.isInteger() && dtype.bits() < 32 ? DType.I32 : dtype;
  }

  Name reshape(Name x, Shape shape) {
    if (x.shape().equals(shape)) return x;
    var sizes = vector(shape.dims());
    return node(
        "Reshape", x.type().with(shape), List.of(x, sizes), Attribute.of("allowzero", true));
  }

  Name transpose(Name x, List<Integer> permutation) {
    if (permutation.equals(x.shape().axes())) return x;
    var type = x.type().with(x.shape().select(permutation));
    var longs = permutation.stream().map(Integer::longValue).toList();
    return node("Transpose", type, List.of(x), Attribute.of("perm", longs));
  }

  Name expand(Name x, Shape shape) {
    if (x.shape().equals(shape)) return x;
    return node("Expand", x.type().with(shape), List.of(x, vector(shape.dims())));
  }

  Name slice(Name x, int axis, long start, long limit) {
    if (start == 0 && limit == x.dim(axis)) return x;
    var type = x.type().with(x.shape().with(axis, limit - start));
    return node("Slice", type, List.of(x, vector(start), vector(limit), vector(axis)));
  }

  Name concat(int axis, List<Name> parts) {
    if (parts.size() == 1) return parts.getFirst();
    long size = parts.stream().mapToLong(part -> part.dim(axis)).sum();
    var first = parts.getFirst();
    var type = first.type().with(first.shape().with(axis, size));
    return node("Concat", type, parts, Attribute.of("axis", (long) axis));
  }

  /** Pads with zeros; negative numbers crop. */
  Name pad(Name x, List<Long> low, List<Long> high) {
    return pad(x, low, high, scalar(x.dtype(), 0));
  }

  Name pad(Name x, List<Long> low, List<Long> high, Name with) {
    boolean nothing = low.stream().allMatch(p -> p == 0) && high.stream().allMatch(p -> p == 0);
    if (nothing) return x;
    var dims = x.shape().dims();
    for (int i = 0; i < dims.length; i++) dims[i] += low.get(i) + high.get(i);
    var pads = new ArrayList<>(low);
    pads.addAll(high);
    return node("Pad", x.type().with(Shape.of(dims)), List.of(x, vector(pads), with));
  }

  /** A binary operator whose operands broadcast to the type of {@code like}. */
  Name binary(String operator, Name a, Name b, TensorType type) {
    return node(operator, type, List.of(a, b));
  }

  Name mul(Name x, double factor) {
    return binary("Mul", x, scalar(x.dtype(), factor), x.type());
  }

  Name add(Name x, double summand) {
    return binary("Add", x, scalar(x.dtype(), summand), x.type());
  }

  /** 0, 1, … along an axis of {@code shape}, i64. */
  Name iota(Shape shape, int axis) {
    var range =
        node(
            "Range",
            TensorType.of(DType.I64, shape.dim(axis)),
            List.of(
                scalar(DType.I64, 0), scalar(DType.I64, shape.dim(axis)), scalar(DType.I64, 1)));
    var dims = IntStream.range(0, shape.rank()).mapToLong(i -> i == axis ? shape.dim(axis) : 1);
    return expand(reshape(range, Shape.of(dims.toArray())), shape);
  }

  // ---- the message

  ProtoWriter graph(String name, List<Name> inputs, List<Name> outputs) {
    var graph = new ProtoWriter();
    nodes.forEach(node -> graph.message(1, node));
    graph.text(2, name);
    initializers.forEach(tensor -> graph.message(5, tensor));
    inputs.forEach(input -> graph.message(11, valueInfo(input)));
    outputs.forEach(output -> graph.message(12, valueInfo(output)));
    return graph;
  }

  private static ProtoWriter valueInfo(Name name) {
    var shape = new ProtoWriter();
    for (long dim : name.shape().dims()) shape.message(1, new ProtoWriter().integer(1, dim));
    var tensor = new ProtoWriter().integer(1, ElementType.of(name.dtype())).message(2, shape);
    return new ProtoWriter().text(1, name.text()).message(2, new ProtoWriter().message(1, tensor));
  }
}
