package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The attributes of an op as text: the components of its record, by name. A new op prints and
 * parses without a line of its own.
 */
final class Attributes {
  private static final ClassValue<String> SNAKE_CASE =
      new ClassValue<>() {
        @Override
        protected String computeValue(Class<?> type) {
          return type.getSimpleName()
              .replaceAll("([a-z0-9])([A-Z])", "$1_$2")
              .toLowerCase(Locale.ROOT);
        }
      };

  private Attributes() {}

  static String snakeCase(Class<?> type) {
    return SNAKE_CASE.get(type);
  }

  /** Such as {@code [axis=1, exclusive=false]}; nothing where there is nothing to say. */
  static String print(Op op, String indent) {
    var components = components(op.getClass(), op.name());
    if (components.isEmpty()) return "";
    return components.stream()
        .map(component -> component.getName() + "=" + print(get(op, component), indent))
        .collect(Collectors.joining(", ", "[", "]"));
  }

  /** Reads the attributes after the name of an op, where it has any. */
  static Op parse(Class<? extends Op> type, TextCursor text, GraphParser parser) {
    var components = components(type, snakeCase(type));
    var arguments = new ArrayList<Object>();
    if (!components.isEmpty()) {
      text.expect("[");
      for (int i = 0; i < components.size(); i++) {
        if (i > 0) text.expect(",");
        text.expect(components.get(i).getName());
        text.expect("=");
        arguments.add(parse(components.get(i).getGenericType(), text, parser));
      }
      text.expect("]");
    }
    return type.cast(construct(type, arguments, text));
  }

  /** Ops that are named by their kind do not repeat it. */
  private static List<RecordComponent> components(Class<?> type, String name) {
    if (!type.isRecord()) {
      throw new IllegalArgumentException(type.getName() + " is no record; every op is one");
    }
    var components = List.of(type.getRecordComponents());
    boolean namedByKind = !name.equals(snakeCase(type)) && !components.isEmpty();
    return namedByKind ? components.subList(1, components.size()) : components;
  }

  private static String print(Object value, String indent) {
    return switch (value) {
      case Graph graph -> GraphPrinter.print(graph, indent);
      case Scalar scalar -> scalar.dtype() + "(" + scalar + ")";
      case String string ->
          '"' + string.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
      case List<?> list ->
          list.stream()
              .map(element -> print(element, indent))
              .collect(Collectors.joining(",", "[", "]"));
      case Window window -> printRecord(window, indent);
      default -> value.toString();
    };
  }

  private static String printRecord(Record value, String indent) {
    return Arrays.stream(value.getClass().getRecordComponents())
        .map(component -> component.getName() + "=" + print(get(value, component), indent))
        .collect(Collectors.joining(", ", "{", "}"));
  }

  private static Object parse(Type type, TextCursor text, GraphParser parser) {
    if (type instanceof ParameterizedType list) {
      var elements = new ArrayList<Object>();
      text.expect("[");
      while (!text.accept("]")) {
        if (!elements.isEmpty()) text.expect(",");
        elements.add(parse(list.getActualTypeArguments()[0], text, parser));
      }
      return elements;
    }
    if (type == Graph.class) return parser.graph(text);
    if (type == int.class || type == Integer.class) return Integer.parseInt(text.word());
    if (type == long.class || type == Long.class) return Long.parseLong(text.word());
    if (type == double.class) return Double.parseDouble(text.word());
    if (type == boolean.class) return Boolean.parseBoolean(text.word());
    if (type == String.class) return text.string();
    if (type == DType.class) return DType.parse(text.word());
    if (type == Shape.class) return TensorType.parse("f32" + text.brackets()).shape();
    if (type == TensorType.class) return text.type();
    if (type == Scalar.class) {
      var dtype = DType.parse(text.word());
      text.expect("(");
      var scalar = Scalar.parse(dtype, text.word());
      text.expect(")");
      return scalar;
    }
    if (type == Literal.class) return literal(text);
    if (type instanceof Class<?> c && c.isEnum()) {
      var word = text.word();
      for (var constant : c.getEnumConstants()) {
        if (constant.toString().equals(word)) return constant;
      }
      throw text.error("one of " + Arrays.toString(c.getEnumConstants()));
    }
    if (type == Window.class) return window(text, parser);
    throw new IllegalArgumentException(
        "attributes can't be of type %s; use numbers, enums, lists, shapes, types, strings, graphs"
            .formatted(type.getTypeName()));
  }

  private static Object window(TextCursor text, GraphParser parser) {
    var arguments = new ArrayList<Object>();
    text.expect("{");
    for (var component : Window.class.getRecordComponents()) {
      if (!arguments.isEmpty()) text.expect(",");
      text.expect(component.getName());
      text.expect("=");
      arguments.add(parse(component.getGenericType(), text, parser));
    }
    text.expect("}");
    return construct(Window.class, arguments, text);
  }

  private static Literal literal(TextCursor text) {
    var type = text.type();
    var elements = new ArrayList<Scalar>();
    text.expect("{");
    while (!text.accept("}")) {
      if (!elements.isEmpty()) text.expect(",");
      elements.add(Scalar.parse(type.dtype(), text.word()));
    }
    return Literal.of(type, elements);
  }

  private static Object get(Object record, RecordComponent component) {
    try {
      return component.getAccessor().invoke(record);
    } catch (IllegalAccessException e) {
      throw notPublic(record.getClass(), e);
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  private static Object construct(Class<?> type, List<Object> arguments, TextCursor text) {
    try {
      var parameters =
          Arrays.stream(type.getRecordComponents())
              .map(RecordComponent::getType)
              .toArray(Class<?>[]::new);
      return type.getDeclaredConstructor(parameters).newInstance(arguments.toArray());
    } catch (InvocationTargetException e) {
      throw text.error(
          "attributes that %s takes (%s)".formatted(type.getSimpleName(), e.getCause()));
    } catch (IllegalAccessException e) {
      throw notPublic(type, e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static IllegalArgumentException notPublic(Class<?> type, Exception cause) {
    return new IllegalArgumentException(
        "op %s can't be printed: make the record public, in a package that its module exports"
            .formatted(type.getName()),
        cause);
  }
}
