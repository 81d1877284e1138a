package dev.gamelan.tensorflow;

import dev.gamelan.ir.Literal;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The attributes of a node: values of the message AttrValue, by their names. */
final class Attributes {
  private static final int LIST = 1;
  private static final int TEXT = 2;
  private static final int INTEGER = 3;
  private static final int BOOL = 5;
  private static final int TYPE = 6;
  private static final int SHAPE = 7;
  private static final int TENSOR = 8;
  private static final int FUNCTION = 10;
  private static final int LIST_TEXT = 2;
  private static final int LIST_INTEGER = 3;
  private static final int LIST_TYPE = 6;
  private static final int LIST_SHAPE = 7;
  private static final int FUNCTION_NAME = 1;
  private static final int SHAPE_DIM = 2;
  private static final int DIM_SIZE = 1;
  private static final int TENSOR_TYPE = 1;
  private static final int TENSOR_SHAPE = 2;
  private static final int TENSOR_CONTENT = 4;

  private final Map<String, ProtoWriter> values = new LinkedHashMap<>();

  static Attributes none() {
    return new Attributes();
  }

  /** With the attribute that most ops have, {@code T}. */
  static Attributes of(DType dtype) {
    return new Attributes().type("T", dtype);
  }

  Map<String, ProtoWriter> values() {
    return values;
  }

  Attributes type(String name, DType dtype) {
    return put(name, new ProtoWriter().number(TYPE, DataTypes.number(dtype)));
  }

  Attributes text(String name, String value) {
    return put(name, new ProtoWriter().text(TEXT, value));
  }

  Attributes integer(String name, long value) {
    return put(name, new ProtoWriter().number(INTEGER, value));
  }

  Attributes flag(String name, boolean value) {
    return put(name, new ProtoWriter().number(BOOL, value ? 1 : 0));
  }

  Attributes shape(String name, Shape shape) {
    return put(name, new ProtoWriter().message(SHAPE, shape(shape)));
  }

  Attributes tensor(String name, Literal value) {
    return tensor(name, value.type(), MemorySegment.ofBuffer(value.bytes()));
  }

  Attributes tensor(String name, TensorType type, MemorySegment bytes) {
    var tensor =
        new ProtoWriter()
            .number(TENSOR_TYPE, DataTypes.number(type.dtype()))
            .message(TENSOR_SHAPE, shape(type.shape()))
            .bytes(TENSOR_CONTENT, bytes);
    return put(name, new ProtoWriter().message(TENSOR, tensor));
  }

  Attributes function(String name, String function) {
    return put(
        name, new ProtoWriter().message(FUNCTION, new ProtoWriter().text(FUNCTION_NAME, function)));
  }

  Attributes texts(String name, List<String> values) {
    var list = new ProtoWriter();
    values.forEach(value -> list.text(LIST_TEXT, value));
    return list(name, list);
  }

  Attributes integers(String name, Collection<? extends Number> values) {
    var list = new ProtoWriter();
    values.forEach(value -> list.number(LIST_INTEGER, value.longValue()));
    return list(name, list);
  }

  Attributes types(String name, List<TensorType> types) {
    var list = new ProtoWriter();
    types.forEach(type -> list.number(LIST_TYPE, DataTypes.number(type.dtype())));
    return list(name, list);
  }

  Attributes shapes(String name, List<TensorType> types) {
    var list = new ProtoWriter();
    types.forEach(type -> list.message(LIST_SHAPE, shape(type.shape())));
    return list(name, list);
  }

  /** The message TensorShapeProto. */
  static ProtoWriter shape(Shape shape) {
    var message = new ProtoWriter();
    for (long dim : shape.dims()) {
      message.message(SHAPE_DIM, new ProtoWriter().number(DIM_SIZE, dim));
    }
    return message;
  }

  private Attributes list(String name, ProtoWriter elements) {
    return put(name, new ProtoWriter().message(LIST, elements));
  }

  private Attributes put(String name, ProtoWriter value) {
    values.put(name, value);
    return this;
  }
}
