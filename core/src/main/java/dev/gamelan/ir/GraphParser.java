package dev.gamelan.ir;

import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads what {@link GraphPrinter} writes, inferring and checking every type again. */
public final class GraphParser {
  @FunctionalInterface
  private interface Reader {
    Op read(TextCursor text, GraphParser parser);
  }

  private final Map<String, Reader> readers;

  private GraphParser(Map<String, Reader> readers) {
    this.readers = Map.copyOf(readers);
  }

  /** A parser that knows the primitives and the standard composites. */
  public static GraphParser standard() {
    var readers = new HashMap<String, Reader>();
    addLeaves(readers, Primitive.class);
    addLeaves(readers, StandardComposite.class);
    readers.remove("unary");
    readers.remove("binary");
    for (var kind : UnaryKind.values()) {
      readers.put(kind.toString(), (text, parser) -> new Primitive.Unary(kind));
    }
    for (var kind : BinaryKind.values()) {
      readers.put(kind.toString(), (text, parser) -> new Primitive.Binary(kind));
    }
    return new GraphParser(readers);
  }

  /** A parser that also knows {@code composite}, a public record. */
  public GraphParser with(Class<? extends Composite> composite) {
    var more = new HashMap<>(readers);
    addReader(more, composite);
    return new GraphParser(more);
  }

  public Graph parse(String text) {
    var cursor = new TextCursor(text);
    var graph = graph(cursor);
    if (!cursor.atEnd()) throw cursor.error("the end");
    return graph;
  }

  /** The records below a sealed interface. */
  private static void addLeaves(Map<String, Reader> readers, Class<?> type) {
    for (var permitted : type.getPermittedSubclasses()) {
      if (permitted.isSealed()) addLeaves(readers, permitted);
      else addReader(readers, permitted.asSubclass(Op.class));
    }
  }

  private static void addReader(Map<String, Reader> readers, Class<? extends Op> type) {
    var name = Attributes.snakeCase(type);
    var previous = readers.put(name, (text, parser) -> Attributes.parse(type, text, parser));
    if (previous != null) {
      throw new IllegalArgumentException("two ops are called '%s'".formatted(name));
    }
  }

  Graph graph(TextCursor text) {
    var g = new GraphBuilder();
    var values = new HashMap<String, Value>();
    text.expect("(");
    while (!text.accept(")")) {
      if (!values.isEmpty()) text.expect(",");
      text.expect("%");
      int id = text.integer();
      text.expect(":");
      define(values, "%" + id, g.input(text.type()), text);
    }
    text.expect("{");
    while (!text.accept("return")) {
      node(g, values, text);
    }
    var outputs = text.accept("}") ? List.<Value>of() : operands(values, text);
    if (!outputs.isEmpty()) text.expect("}");
    return g.build(outputs);
  }

  private void node(GraphBuilder g, Map<String, Value> values, TextCursor text) {
    text.expect("%");
    int id = text.integer();
    int count = text.accept(":") ? text.integer() : 1;
    text.expect("=");
    var name = text.word();
    var reader = readers.get(name);
    if (reader == null) {
      throw text.error(
          "a known op instead of '%s'; register composites of your own with".formatted(name));
    }
    var op = reader.read(text, this);
    var operands = text.accept(":") ? List.<Value>of() : operands(values, text);
    if (!operands.isEmpty()) text.expect(":");
    var written = new ArrayList<TensorType>();
    for (int i = 0; i < count; i++) {
      if (i > 0) text.expect(",");
      written.add(text.type());
    }
    var results = g.addAll(op, operands);
    var inferred = results.stream().map(Value::type).toList();
    if (!inferred.equals(written)) {
      throw text.error("%s to be %s, not %s".formatted(name, inferred, written));
    }
    for (int i = 0; i < results.size(); i++) {
      define(values, i == 0 ? "%" + id : "%" + id + ":" + i, results.get(i), text);
    }
  }

  private static void define(Map<String, Value> values, String name, Value value, TextCursor text) {
    if (values.put(name, value) != null) throw text.error(name + " to be defined once");
  }

  private static List<Value> operands(Map<String, Value> values, TextCursor text) {
    var operands = new ArrayList<Value>();
    do {
      text.expect("%");
      var name = "%" + text.integer();
      // "%1:2" is a result; "%1 : f32[2]" the end of the operands.
      int index = text.acceptIndex();
      if (index > 0) name += ":" + index;
      var value = values.get(name);
      if (value == null) throw text.error(name + " to be defined");
      operands.add(value);
    } while (text.accept(","));
    return operands;
  }
}
