package dev.gamelan.onnx.write;

import dev.gamelan.io.ProtoWriter;
import java.util.List;

/** An attribute of a node: an AttributeProto. */
record Attribute(ProtoWriter message) {
  private static final int FLOAT = 1;
  private static final int INT = 2;
  private static final int STRING = 3;
  private static final int TENSOR = 4;
  private static final int GRAPH = 5;
  private static final int INTS = 7;

  private static ProtoWriter named(String name, int type) {
    return new ProtoWriter().text(1, name).integer(20, type);
  }

  static Attribute of(String name, double value) {
    return new Attribute(named(name, FLOAT).number(2, (float) value));
  }

  static Attribute of(String name, long value) {
    return new Attribute(named(name, INT).integer(3, value));
  }

  static Attribute of(String name, boolean value) {
    return of(name, value ? 1L : 0L);
  }

  static Attribute of(String name, String value) {
    return new Attribute(named(name, STRING).text(4, value));
  }

  static Attribute of(String name, List<Long> values) {
    var message = named(name, INTS);
    values.forEach(value -> message.integer(8, value));
    return new Attribute(message);
  }

  static Attribute tensor(String name, ProtoWriter tensor) {
    return new Attribute(named(name, TENSOR).message(5, tensor));
  }

  static Attribute graph(String name, ProtoWriter graph) {
    return new Attribute(named(name, GRAPH).message(6, graph));
  }
}
