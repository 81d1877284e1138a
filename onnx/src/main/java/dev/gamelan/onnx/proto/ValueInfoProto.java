package dev.gamelan.onnx.proto;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** A name with its type. */
public record ValueInfoProto(String name, TypeProto type) {
  static ValueInfoProto parse(WireReader in) {
    var name = "";
    var type = TypeProto.UNKNOWN;
    while (in.next()) {
      switch (in.field()) {
        case 1 -> name = in.text();
        case 2 -> type = in.message(TypeProto::parse);
        default -> in.skip();
      }
    }
    return new ValueInfoProto(name, type);
  }

  /** What kind of thing a value is. */
  public enum Kind {
    UNKNOWN,
    TENSOR,
    SEQUENCE,
    MAP,
    OPTIONAL,
    SPARSE_TENSOR
  }

  /**
   * The type of a value.
   *
   * @param elementType of a tensor: the standard's number of it, 0 if it is not given
   * @param shape of a tensor: empty where even the rank is open
   */
  public record TypeProto(Kind kind, int elementType, Optional<List<Dimension>> shape) {
    static final TypeProto UNKNOWN = new TypeProto(Kind.UNKNOWN, 0, Optional.empty());

    static TypeProto parse(WireReader in) {
      var type = UNKNOWN;
      while (in.next()) {
        switch (in.field()) {
          case 1 -> type = in.message(TypeProto::tensor);
          case 4 -> type = other(in, Kind.SEQUENCE);
          case 5 -> type = other(in, Kind.MAP);
          case 8 -> type = other(in, Kind.SPARSE_TENSOR);
          case 9 -> type = other(in, Kind.OPTIONAL);
          default -> in.skip();
        }
      }
      return type;
    }

    private static TypeProto other(WireReader in, Kind kind) {
      in.skip();
      return new TypeProto(kind, 0, Optional.empty());
    }

    private static TypeProto tensor(WireReader in) {
      int elementType = 0;
      var shape = Optional.<List<Dimension>>empty();
      while (in.next()) {
        switch (in.field()) {
          case 1 -> elementType = (int) in.integer();
          case 2 -> shape = Optional.of(in.message(TypeProto::shape));
          default -> in.skip();
        }
      }
      return new TypeProto(Kind.TENSOR, elementType, shape);
    }

    private static List<Dimension> shape(WireReader in) {
      var dims = new ArrayList<Dimension>();
      while (in.next()) {
        if (in.field() == 1) dims.add(in.message(Dimension::parse));
        else in.skip();
      }
      return dims;
    }

    /** Such as {@code f32[batch,3,224,224]}; a size of no name is a question mark. */
    @Override
    public String toString() {
      if (kind != Kind.TENSOR) return kind.toString().toLowerCase(Locale.ROOT);
      var sizes =
          shape
              .map(
                  s ->
                      s.stream()
                          .map(Dimension::toString)
                          .collect(Collectors.joining(",", "[", "]")))
              .orElse("[…]");
      return ElementType.name(elementType) + sizes;
    }
  }

  /**
   * One size of a shape.
   *
   * @param size −1 where it is open
   * @param name where it is open: sizes of one name are equal; "" for no name
   */
  public record Dimension(long size, String name) {
    static Dimension parse(WireReader in) {
      long size = -1;
      var name = "";
      while (in.next()) {
        switch (in.field()) {
          case 1 -> size = in.integer();
          case 2 -> name = in.text();
          default -> in.skip();
        }
      }
      return new Dimension(size, name);
    }

    @Override
    public String toString() {
      if (size >= 0) return Long.toString(size);
      return name.isEmpty() ? "?" : name;
    }
  }
}
