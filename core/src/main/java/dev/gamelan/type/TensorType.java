package dev.gamelan.type;

/** What is known of a tensor before it is computed. Prints as {@code f32[2,3]}. */
public record TensorType(DType dtype, Shape shape) {
  public static TensorType of(DType dtype, long... dims) {
    return new TensorType(dtype, Shape.of(dims));
  }

  /** Reads what {@link #toString} writes. */
  public static TensorType parse(String text) {
    int bracket = text.indexOf('[');
    if (bracket < 0 || !text.endsWith("]")) {
      throw new IllegalArgumentException(
          "'%s' is no tensor type; one looks like f32[2,3]".formatted(text));
    }
    var inside = text.substring(bracket + 1, text.length() - 1).strip();
    var dims = inside.isEmpty() ? new String[0] : inside.split("\\s*,\\s*", -1);
    var sizes = new long[dims.length];
    for (int i = 0; i < dims.length; i++) sizes[i] = Long.parseLong(dims[i]);
    return new TensorType(DType.parse(text.substring(0, bracket)), Shape.of(sizes));
  }

  public int rank() {
    return shape.rank();
  }

  public long dim(int axis) {
    return shape.dim(axis);
  }

  /** The number of elements. */
  public long size() {
    return shape.size();
  }

  /** Bytes in memory. */
  public long bytes() {
    return dtype.bytes(size());
  }

  public TensorType with(DType other) {
    return new TensorType(other, shape);
  }

  public TensorType with(Shape other) {
    return new TensorType(dtype, other);
  }

  @Override
  public String toString() {
    return dtype + shape.toString();
  }
}
